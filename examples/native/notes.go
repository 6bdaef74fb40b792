package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
)

type note struct {
	ID     int    `json:"id"`
	Text   string `json:"text"`
	Author string `json:"author"`
}

// change is what listeners are told.
type change struct {
	name string // of the event
	note note
}

// listenerChanges bounds the changes that wait for a listener. One that is slower is cut off, and may come back.
const listenerChanges = 64

// store holds notes in memory. A store that waits for a disk or a network would have routes that are native.Own.
type store struct {
	mu        sync.Mutex
	last      int
	notes     map[int]note
	listeners map[chan change]bool
}

func newStore() *store {
	return &store{notes: map[int]note{}, listeners: map[chan change]bool{}}
}

func (s *store) list(w *native.Response, _ *native.Request) error {
	return w.JSON(200, s.all())
}

func (s *store) show(w *native.Response, r *native.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	n, found := s.notes[id]
	s.mu.Unlock()
	if !found {
		return noNote(id)
	}
	return w.JSON(200, &n)
}

func (s *store) create(w *native.Response, r *native.Request) error {
	text, err := textOf(r)
	if err != nil {
		return err
	}
	n := s.add(text, r.Value(author{}).(string))
	w.Set("Location", fmt.Sprintf("/api/notes/%d", n.ID))
	return w.JSON(201, &n)
}

func (s *store) replace(w *native.Response, r *native.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	text, err := textOf(r)
	if err != nil {
		return err
	}
	n := note{ID: id, Text: text, Author: r.Value(author{}).(string)}
	s.mu.Lock()
	_, found := s.notes[id]
	if found {
		s.notes[id] = n
		s.tell(change{"replaced", n})
	}
	s.mu.Unlock()
	if !found {
		return noNote(id)
	}
	return w.JSON(200, &n)
}

func (s *store) remove(w *native.Response, r *native.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	n, found := s.notes[id]
	if found {
		delete(s.notes, id)
		s.tell(change{"removed", n})
	}
	s.mu.Unlock()
	if !found {
		return noNote(id)
	}
	return w.Empty(204)
}

// changes is a stream of events that ends when the client leaves or the server stops. The latter shows with a heartbeat.
func (s *store) changes(w *native.Response, _ *native.Request) error {
	listener := make(chan change, listenerChanges)
	s.mu.Lock()
	s.listeners[listener] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, listener)
		s.mu.Unlock()
	}()
	events, err := w.Events(native.EventsOptions{Heartbeat: 2 * time.Second})
	if err != nil {
		return err
	}
	defer events.Close()
	for {
		select {
		case <-events.Done():
			return nil
		case c, open := <-listener:
			if !open {
				return nil
			}
			data, err := json.Marshal(c.note)
			if err != nil {
				return err
			}
			if events.Send(native.Event{Name: c.name, Data: data}) != nil {
				return nil // the client has left
			}
		}
	}
}

// tell is called with s.mu held.
func (s *store) tell(c change) {
	for listener := range s.listeners {
		select {
		case listener <- c:
		default:
			delete(s.listeners, listener)
			close(listener)
		}
	}
}

func (s *store) add(text, author string) note {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	n := note{ID: s.last, Text: text, Author: author}
	s.notes[n.ID] = n
	s.tell(change{"created", n})
	return n
}

func (s *store) all() []note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.notes), func(a, b note) int { return cmp.Compare(a.ID, b.ID) })
}

func idOf(r *native.Request) (int, error) {
	id, err := strconv.Atoi(string(r.Param("id")))
	if err != nil {
		return 0, native.Errorf(400, "the id is not a number")
	}
	return id, nil
}

func textOf(r *native.Request) (string, error) {
	var n note
	if err := r.JSON(&n); err != nil {
		return "", err // knows its answer
	}
	if n.Text == "" {
		return "", native.Errorf(422, "a note has a text")
	}
	return n.Text, nil
}

func noNote(id int) error { return native.Errorf(404, "there is no note %d", id) }
