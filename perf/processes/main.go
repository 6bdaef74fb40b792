// Command processes measures what it is worth to serve from two processes: requests per second, CPU time per request and
// memory of one process with an event loop for each core, of a process for each core with one loop, and of fasthttp, by
// itself and with its prefork. Linux, with wrk.
//
//	go run ./perf/processes -rounds 8
//
// Servers are measured in turns, A B C, C B A. They have all cores, and so has wrk: where the load has none of its own, requests
// per second are of both together, and the servers' CPU time per request is what tells them apart.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of /proc/PID/stat on Linux.
const tick = 10 * time.Millisecond

var (
	rounds      = flag.Int("rounds", 8, "`number` of measurements of each server")
	seconds     = flag.Int("seconds", 3, "`length` of one, in seconds")
	connections = flag.Int("connections", 64, "`connections` that wrk keeps open")
	names       = flag.String("servers", strings.Join(order, ";"), "servers, with semicolons between them")
	once        = flag.Bool("close", false, "ask once on each connection")
	serve       = flag.String("serve", "", "serve as this one, until a signal; what measures starts itself that way")
	addr        = flag.String("addr", "127.0.0.1:8080", "`address` to serve on")
)

func main() {
	flag.Parse()
	if *serve != "" {
		start, ok := servers[*serve]
		if !ok {
			log.Fatalf("no server %q: want one of %s", *serve, strings.Join(order, ", "))
		}
		log.Fatal(start(*addr))
	}
	chosen := strings.Split(*names, ";")
	for _, name := range chosen {
		if servers[name] == nil {
			log.Fatalf("-servers: no server %q: want some of %s", name, strings.Join(order, ";"))
		}
	}
	if *rounds < 1 || *seconds < 1 || *connections < 1 {
		log.Fatalf("-rounds %d, -seconds %d, -connections %d: want 1 or more", *rounds, *seconds, *connections)
	}
	results := map[string][]result{}
	for i := range *rounds {
		for _, name := range chosen {
			r, err := measure(name)
			if err != nil {
				log.Fatalf("%s: %v", name, err)
			}
			results[name] = append(results[name], r)
		}
		slices.Reverse(chosen)
		fmt.Fprintf(os.Stderr, "round %d of %d, load average %s", i+1, *rounds, read("/proc/loadavg"))
	}
	fmt.Printf("%s, %d cores, %d connections, %d rounds of %d s; medians, and half of what the middle half differs by\n\n",
		runtime.Version(), runtime.NumCPU(), *connections, *rounds, *seconds)
	fmt.Println("| server | requests/s | ± | CPU µs/request | ± | MB |\n|---|---|---|---|---|---|")
	for _, name := range strings.Split(*names, ";") {
		rate, rateSpread := median(results[name], func(r result) float64 { return r.rate })
		cpu, cpuSpread := median(results[name], func(r result) float64 { return r.micros })
		memory, _ := median(results[name], func(r result) float64 { return r.megabytes })
		fmt.Printf("| %s | %.0f | %.0f | %.2f | %.2f | %.0f |\n", name, rate, rateSpread, cpu, cpuSpread, memory)
	}
}

// result is one measurement: of all processes of a server together.
type result struct{ rate, micros, megabytes float64 }

func measure(name string) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	at, err := freeAddress()
	if err != nil {
		return r, err
	}
	cmd := exec.Command(self, "-serve", name, "-addr", at)
	if err := cmd.Start(); err != nil {
		return r, err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	url := "http://" + at + "/plaintext"
	if err := answers(url); err != nil {
		return r, err
	}
	if _, err := load(url, 1); err != nil {
		return r, err
	}
	before, _ := usage(cmd.Process.Pid)
	requests, err := load(url, *seconds)
	if err == nil && requests == 0 {
		err = errors.New("nothing was answered")
	}
	after, resident := usage(cmd.Process.Pid)
	return result{float64(requests) / float64(*seconds), float64((after - before).Microseconds()) / float64(requests), float64(resident) / 1e6}, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// answers waits until the server gives the right answer.
func answers(url string) error {
	for range 500 {
		if resp, err := http.Get(url); err == nil {
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			if string(body) != plaintext {
				return fmt.Errorf("the answer is %q (%v)", body, err)
			}
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("it does not answer")
}

var counted = regexp.MustCompile(`(\d+) requests in`)

// load has wrk ask, and returns the number of answers.
func load(url string, seconds int) (int, error) {
	args := []string{"-t", "2", "-c", strconv.Itoa(*connections), "-d", fmt.Sprint(seconds, "s"), url}
	if *once {
		args = append(args, "-H", "Connection: close")
	}
	out, err := exec.Command("wrk", args...).CombinedOutput()
	found := counted.FindSubmatch(out)
	if err != nil || found == nil || strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		return 0, fmt.Errorf("wrk: %v: %s", err, out)
	}
	return strconv.Atoi(string(found[1]))
}

// usage is the CPU time and the resident memory of a process and all that it has started.
func usage(pid int) (cpu time.Duration, resident int) {
	parents := map[string][]string{}
	all, _ := os.ReadDir("/proc")
	for _, e := range all {
		if f := stat(e.Name()); len(f) > 21 {
			parents[f[1]] = append(parents[f[1]], e.Name())
		}
	}
	for left := []string{strconv.Itoa(pid)}; len(left) > 0; left = left[1:] {
		if f := stat(left[0]); len(f) > 21 {
			user, _ := strconv.Atoi(f[11])
			system, _ := strconv.Atoi(f[12])
			pages, _ := strconv.Atoi(f[21])
			cpu += time.Duration(user+system) * tick
			resident += pages * os.Getpagesize()
		}
		left = append(left, parents[left[0]]...)
	}
	return cpu, resident
}

// stat has the fields of /proc/PID/stat behind the name, which may have spaces.
func stat(pid string) []string {
	_, rest, _ := strings.Cut(read("/proc/"+pid+"/stat"), ") ")
	return strings.Fields(rest)
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// median returns the median, and half of what the middle half differs by.
func median(results []result, of func(result) float64) (middle, spread float64) {
	var all []float64
	for _, r := range results {
		all = append(all, of(r))
	}
	slices.Sort(all)
	at := func(quarter int) float64 { return all[quarter*(len(all)-1)/4] }
	return at(2), (at(3) - at(1)) / 2
}
