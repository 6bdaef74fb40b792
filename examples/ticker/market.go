package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp/upgrade"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

const (
	symbolCount = 1000
	priceMax    = 1e6
	// queueMax bounds the messages that wait for a watcher. Above it the oldest are dropped: who is late wants the new prices.
	queueMax = 2 * symbolCount
)

type price struct {
	Symbol string  `json:"symbol"`
	Price  float64 `json:"price"`
}

// order is what a watcher sends.
type order struct {
	Subscribe   []string `json:"subscribe"`
	Unsubscribe []string `json:"unsubscribe"`
}

type market struct {
	endpoint *websocket.Endpoint
	topics   websocket.Topics // one for each symbol
	symbols  []string

	mu     sync.Mutex // held while a price is published, so that the last one published is the last one set
	prices map[string]float64
}

func newMarket() *market {
	m := &market{prices: map[string]float64{}}
	m.topics.Keep = true
	m.endpoint = websocket.New(websocket.Options{
		OnMessage:        m.obey,
		Limits:           wsproto.Limits{MessageBytesMax: 16 * symbolCount},
		QueueMessagesMax: queueMax,
		Slow:             websocket.DropOldest,
	})
	for i := range symbolCount {
		symbol := fmt.Sprintf("S%03d", i)
		m.symbols = append(m.symbols, symbol)
		m.publish(symbol, 100)
	}
	return m
}

// watch becomes a WebSocket, or has been answered.
func (m *market) watch(w http.ResponseWriter, r *http.Request) {
	upgrade.WebSocket(w, r, m.endpoint, nil) // an error says why not, which the client has been told
}

// obey unsubscribes and subscribes. Memberships end with the connection by themselves.
func (m *market) obey(c *websocket.Conn, got websocket.Message) {
	var o order
	if err := json.Unmarshal(got.Data, &o); err != nil {
		c.SendText(`{"error":"want {\"subscribe\":[…],\"unsubscribe\":[…]}"}`)
		return
	}
	for _, list := range []struct {
		symbols []string
		do      func(c *websocket.Conn, topic string) bool
	}{{o.Unsubscribe, m.topics.Unsubscribe}, {o.Subscribe, m.topics.Subscribe}} {
		if slices.Contains(list.symbols, "*") {
			list.symbols = m.symbols // once, though an order had thousands of stars
		}
		for _, symbol := range list.symbols {
			if !m.lists(symbol) { // nobody makes topics of his own
				c.SendText(`{"error":"no such symbol"}`)
				continue
			}
			list.do(c, symbol)
		}
	}
}

func (m *market) show(w http.ResponseWriter, r *http.Request) {
	symbol := r.PathValue("symbol")
	if !m.lists(symbol) {
		http.Error(w, "no such symbol", http.StatusNotFound)
		return
	}
	m.mu.Lock()
	p := price{symbol, m.prices[symbol]}
	m.mu.Unlock()
	writeJSON(w, p)
}

// set publishes the price in the body, and says to how many watchers.
func (m *market) set(w http.ResponseWriter, r *http.Request) {
	symbol := r.PathValue("symbol")
	if !m.lists(symbol) {
		http.Error(w, "no such symbol", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p, err := strconv.ParseFloat(strings.TrimSpace(string(body)), 64)
	if err != nil || !(p > 0 && p <= priceMax) { // nor is it NaN
		http.Error(w, "want a price", http.StatusBadRequest)
		return
	}
	writeJSON(w, map[string]int{"watchers": m.publish(symbol, p)})
}

func (m *market) publish(symbol string, p float64) (watchers int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prices[symbol] = p
	data, err := json.Marshal(price{symbol, p})
	if err != nil {
		panic(err) // prices are numbers
	}
	return m.topics.Publish(symbol, websocket.Message{Opcode: wsproto.Text, Data: data})
}

// run changes all prices in intervals until the context ends.
func (m *market) run(ctx context.Context, every time.Duration) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			m.move()
		}
	}
}

// move changes each price by a cent or so.
func (m *market) move() {
	for _, symbol := range m.symbols {
		m.mu.Lock()
		p := m.prices[symbol]
		m.mu.Unlock()
		m.publish(symbol, min(max(p+float64(rand.IntN(5)-2)/100, 0.01), priceMax))
	}
}

// lists reports whether a symbol is traded here. The map's keys are fixed.
func (m *market) lists(symbol string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, found := m.prices[symbol]
	return found
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // the client may have left
}
