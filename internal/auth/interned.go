package auth

import (
	"sync"
	"sync/atomic"
)

// interned numbers texts that come again and again: the names of clients. It
// holds at most 65,535; all further ones share the number of "other".
type interned struct {
	numbers atomic.Pointer[map[string]uint16]
	mu      sync.Mutex
	texts   []string
}

const otherClients = 1<<16 - 1

func (in *interned) number(text string) uint16 {
	if text == "" {
		return 0
	}
	if m := in.numbers.Load(); m != nil {
		if n, ok := (*m)[text]; ok {
			return n
		}
	}
	return in.add(text)
}

func (in *interned) add(text string) uint16 {
	in.mu.Lock()
	defer in.mu.Unlock()
	old := in.numbers.Load()
	if old != nil {
		if n, ok := (*old)[text]; ok {
			return n
		}
	}
	if len(in.texts) >= maxClients {
		return otherClients
	}
	next := make(map[string]uint16, len(in.texts)+1)
	if old != nil {
		for k, v := range *old {
			next[k] = v
		}
	}
	in.texts = append(in.texts, text)
	n := uint16(len(in.texts))
	next[text] = n
	in.numbers.Store(&next)
	return n
}

// maxClients bounds what a stranger with a token can make us remember: each new
// name copies the map, so it is kept small.
const maxClients = 1024

func (in *interned) text(n uint16) string {
	if n == otherClients {
		return "other"
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if n == 0 || int(n) > len(in.texts) {
		return ""
	}
	return in.texts[n-1]
}
