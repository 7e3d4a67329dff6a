package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A program calls the server so often while its token is rotated under it.
const (
	rotatedCallers = 8
	callsASecond   = 200
)

// rotation has a program at work for so long, whose token is rotated again and
// again: it takes up the new secret while the old one still works. No call may
// fail. Every secret works until its overlap is over, and none after that: neither
// when the next rotation ends it nor when its time is up.
func rotation(ctx context.Context, bin, dir string, span time.Duration, out io.Writer) error {
	s := &soaking{bin: bin, dir: filepath.Join(dir, "rotation"), cpu: -1}
	if err := s.furnish(); err != nil {
		return err
	}
	defer s.p.kill()
	r := &rotating{s: s}
	if err := r.begin(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	var wg sync.WaitGroup
	for i := range rotatedCallers {
		wg.Go(func() {
			r.fail(s.with(func(c *connection) error { return r.call(ctx, c, i) }), cancel)
		})
	}
	r.fail(s.with(func(c *connection) error { return r.rotate(ctx, c) }), cancel)
	cancel()
	wg.Wait()
	fmt.Fprintf(out, "rotation: %d calls in %s with %d secrets one after another, %d of them ended by time; failed: %v\n",
		r.calls.Load(), span, r.rotations, r.timed, r.failed)
	return r.failed
}

// rotating is the program, its token, and who rotates it.
type rotating struct {
	s    *soaking
	boss string // rotates

	now   atomic.Pointer[liveSecret]
	calls atomic.Int64

	rotations, timed int

	mu     sync.Mutex
	failed error
}

// liveSecret is what the program uses, and how many of its calls are under way
// with it.
type liveSecret struct {
	text  string
	using sync.RWMutex
}

func (r *rotating) begin(ctx context.Context) error {
	if _, err := r.s.tool(ctx, "whmapi1", "createacct", "username=rotated", "domain=rotated.example"); err != nil {
		return err
	}
	for _, name := range []string{"boss", "deploy"} {
		token, err := r.s.tool(ctx, "uapi", "--user=rotated", "Tokens", "create_full_access", "name="+name)
		if err != nil {
			return err
		}
		if name == "boss" {
			r.boss = token
		} else {
			r.now.Store(&liveSecret{text: token})
		}
	}
	return nil
}

func (r *rotating) fail(err error, cancel func()) {
	if err == nil {
		return
	}
	cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = errors.Join(r.failed, err)
}

// call is one of the program's callers.
func (r *rotating) call(ctx context.Context, c *connection, i int) error {
	const each = time.Second * rotatedCallers / callsASecond
	for next := time.Now().Add(each * time.Duration(i) / rotatedCallers); pause(ctx, time.Until(next)); next = next.Add(each) {
		secret := r.hold()
		_, err := c.must(quotaInfo, "cpanel rotated:"+secret.text)
		secret.using.RUnlock()
		if err != nil {
			return fmt.Errorf("the program's call: %w", err)
		}
		r.calls.Add(1)
	}
	return nil
}

// hold is the secret of now, held so that nobody ends it meanwhile.
func (r *rotating) hold() *liveSecret {
	for {
		secret := r.now.Load()
		secret.using.RLock()
		if secret == r.now.Load() {
			return secret
		}
		secret.using.RUnlock()
	}
}

// How long a secret stays valid that the next rotation ends, and one that ends by
// time; and how much later than that it may be found out.
const (
	longOverlap  = time.Hour
	shortOverlap = 5 * time.Second
	endsWithin   = 20 * time.Second
)

// rotate rotates the program's token until ctx ends, every tenth time so that the
// old secret ends by time.
func (r *rotating) rotate(ctx context.Context, c *connection) error {
	var before string // the secret before the one of now, if it still works
	for r.rotations = 0; pause(ctx, 50*time.Millisecond); r.rotations++ {
		overlap := longOverlap
		if r.rotations%10 == 9 {
			overlap = shortOverlap
		}
		old, err := r.once(ctx, c, before, overlap)
		if err != nil {
			return err
		}
		if before = old; overlap == shortOverlap {
			if err := r.ends(ctx, c, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// once is one rotation: the secret before the one of now ends with it.
func (r *rotating) once(ctx context.Context, c *connection, before string, overlap time.Duration) (old string, err error) {
	body, err := c.must(fmt.Sprintf("/execute/Tokens/rotate?name=deploy&overlap=%d", overlap/time.Second), "cpanel rotated:"+r.boss)
	if err != nil {
		return "", err
	}
	var answer struct{ Data struct{ Token string } }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return "", err
	}
	was := r.now.Load()
	for what, text := range map[string]string{"the old secret": was.text, "the new secret": answer.Data.Token} {
		if _, err := c.must(quotaInfo, "cpanel rotated:"+text); err != nil {
			return "", fmt.Errorf("%s during the overlap: %w", what, err)
		}
	}
	if before != "" {
		if err := r.over(c, before); err != nil {
			return "", fmt.Errorf("the secret before the old one: %w", err)
		}
	}
	pause(ctx, 25*time.Millisecond) // the program still calls with the old one
	r.now.Store(&liveSecret{text: answer.Data.Token})
	was.using.Lock() // the last call with it is answered
	defer was.using.Unlock()
	return was.text, nil
}

// over makes sure that a secret is refused.
func (r *rotating) over(c *connection, text string) error {
	status, body, err := c.ask(quotaInfo, "cpanel rotated:"+text)
	if err == nil && status != http.StatusUnauthorized {
		err = fmt.Errorf("answered %d %.200s, want a refusal", status, body)
	}
	return err
}

// ends waits until an overlap is over: then the old secret is refused, and stays
// so, and the one of now works.
func (r *rotating) ends(ctx context.Context, c *connection, old string) error {
	for began := time.Now(); r.over(c, old) != nil; {
		if time.Since(began) > endsWithin {
			return fmt.Errorf("an overlap of %s is not over after %s", shortOverlap, endsWithin)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return nil
		}
	}
	if _, err := c.must(quotaInfo, "cpanel rotated:"+r.now.Load().text); err != nil {
		return fmt.Errorf("the new secret after the overlap: %w", err)
	}
	r.timed++
	return r.over(c, old)
}
