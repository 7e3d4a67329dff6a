// Package compat counts what clients ask for that this server does not have, so
// that those who look after it know what people miss. It keeps names and
// counts, never the value of an argument. Start at [Tally].
package compat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// What is kept is bounded: whoever invents names gets no more than this.
const (
	maxNames   = 1000
	maxClients = 10 // of one name; those after them count as Others
	maxName    = 64
	maxClient  = 60
)

// Others are all clients that have no count of their own.
const Others = "others"

// Miss is one name that is not there.
type Miss struct {
	API     string           `json:"api"`  // UAPI, API 2, WHM API 1 or WHM API 0
	Name    string           `json:"name"` // Module::function, or a function of WHM
	Count   int64            `json:"count"`
	First   time.Time        `json:"first"`
	Last    time.Time        `json:"last"`
	Clients map[string]int64 `json:"clients"` // calls by what the client calls itself
}

// Tally counts. It is safe for concurrent use, and a nil one counts nothing.
type Tally struct {
	path string
	now  latchkey.Clock
	log  *slog.Logger

	mu      sync.Mutex
	missed  map[[2]string]*Miss // by API and name
	changed bool                // since it was last written
}

// Open goes on with what the file at path says, if there is one. A file that
// cannot be read is begun anew: nothing depends on it.
func Open(path string, now latchkey.Clock, log *slog.Logger) *Tally {
	t := &Tally{path: path, now: now, log: log, missed: map[[2]string]*Miss{}}
	var list []*Miss
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what clients missed before cannot be read, and is counted anew", "file", path, "err", err)
		return t
	}
	for _, m := range list {
		if m != nil && len(t.missed) < maxNames {
			t.missed[[2]string{m.API, m.Name}] = m
		}
	}
	return t
}

// Missed counts a call of something that is not there.
func (t *Tally) Missed(api, name, client string) {
	if t == nil {
		return
	}
	name, client = Name(name), clean(client, maxClient)
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]string{api, name}
	m := t.missed[key]
	if m == nil {
		if len(t.missed) >= maxNames {
			t.forget()
		}
		m = &Miss{API: api, Name: name, First: t.now().UTC()}
		t.missed[key] = m
	}
	m.Count++
	m.Last = t.now().UTC()
	m.by(cmp.Or(client, Others))
	t.changed = true
}

func (m *Miss) by(client string) {
	if m.Clients == nil {
		m.Clients = map[string]int64{}
	}
	if _, ok := m.Clients[client]; !ok && len(m.Clients) >= maxClients {
		client = Others
	}
	m.Clients[client]++
}

// forget makes room: the name that was asked for least goes, and of several the
// one not asked for for longest. Names that programs really use stay.
func (t *Tally) forget() {
	var least [2]string
	var m *Miss
	for key, n := range t.missed {
		if m == nil || cmp.Or(cmp.Compare(n.Count, m.Count), n.Last.Compare(m.Last)) < 0 {
			least, m = key, n
		}
	}
	delete(t.missed, least)
}

// List is every name, the one most asked for first.
func (t *Tally) List() []Miss {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Miss, 0, len(t.missed))
	for _, m := range t.missed {
		c := *m
		c.Clients = make(map[string]int64, len(m.Clients))
		for client, n := range m.Clients {
			c.Clients[client] = n
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Miss) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.API, b.API))
	})
	return list
}

// Run writes the counts down once a minute, if there is anything new, until ctx
// ends, and then once more.
func (t *Tally) Run(ctx context.Context) {
	every := time.NewTicker(time.Minute)
	defer every.Stop()
	for done := false; !done; {
		select {
		case <-every.C:
		case <-ctx.Done():
			done = true
		}
		if err := t.write(); err != nil {
			t.log.Error("writing down what clients missed", "err", err)
		}
	}
}

func (t *Tally) write() error {
	t.mu.Lock()
	changed := t.changed
	t.changed = false
	t.mu.Unlock()
	if !changed {
		return nil
	}
	text, err := json.Marshal(t.List())
	if err == nil {
		err = durable.WriteFile(t.path, text, 0o600)
	}
	if err != nil {
		t.mu.Lock()
		t.changed = true
		t.mu.Unlock()
	}
	return err
}

// Name is a name that a stranger gave, fit to be kept: what is none is not
// shown, as it may well be a value that went astray.
func Name(name string) string {
	for part := range strings.SplitSeq(name, "::") {
		if part == "" || len(part) > maxName || strings.ContainsFunc(part, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			return "(not a name)"
		}
	}
	return name
}

func clean(text string, most int) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text[:min(len(text), most)])
}
