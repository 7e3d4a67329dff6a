package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// soak has clients of every kind at work on one server for so long: they read,
// write, make tokens, use and revoke them, and deliver mail, and every answer is
// checked. Then the server is killed and started again, and everything that was
// acknowledged has to be there. In the end no more memory may be in use than in
// the beginning.
func soak(ctx context.Context, bin, dir string, span time.Duration, out io.Writer) error {
	s := &soaking{bin: bin, dir: filepath.Join(dir, "soak"), cpu: -1}
	defer func() {
		if s.p != nil {
			s.p.kill()
		}
	}()
	if err := s.begin(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "soak: %d clients for %s\n", len(s.clients), span)
	memory, err := s.work(ctx, span)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.p.log)
	}
	for _, c := range s.clients {
		fmt.Fprintf(out, "soak: %s\n", c.told())
	}
	s.p.kill()
	if err := s.start(); err != nil {
		return err
	}
	for _, c := range s.clients {
		if err := s.with(c.verify); err != nil {
			return fmt.Errorf("after kill -9: %w", err)
		}
	}
	fmt.Fprintln(out, "soak: after kill -9 everything acknowledged is there, and what was revoked is refused")
	return flat(memory, span, out)
}

type soaking struct {
	bin, dir string
	cpu      int      // where the server runs; negative for anywhere
	env      []string // how it is set up beyond what every one is
	p        *process
	at       map[string]string
	clients  []client
}

// client is one who does one kind of thing, over and over.
type client interface {
	step(c *connection) error   // one more time
	verify(c *connection) error // is everything there that was acknowledged?
	told() string               // what was done
}

// furnish makes the server's directory and starts it.
func (s *soaking) furnish() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return s.start()
}

func (s *soaking) begin(ctx context.Context) error {
	if err := s.furnish(); err != nil {
		return err
	}
	for i := range 6 {
		user, domain := fmt.Sprintf("soak%d", i), fmt.Sprintf("soak%d.example", i)
		if _, err := s.tool(ctx, "whmapi1", "createacct", "username="+user, "domain="+domain); err != nil {
			return err
		}
		token, err := s.tool(ctx, "uapi", "--user="+user, "Tokens", "create_full_access", "name=soak")
		if err != nil {
			return err
		}
		auth := "cpanel " + user + ":" + token
		switch i {
		case 0, 1:
			s.clients = append(s.clients, &reader{auth: auth, user: user})
		case 2, 3:
			s.clients = append(s.clients, &keeper{auth: auth, user: user})
		default:
			s.clients = append(s.clients, &postman{auth: auth, domain: domain, lmtp: func() string { return s.at["mail"] },
				mail: filepath.Join(s.dir, "homes", user, "mail", domain), held: make(map[string]int)})
		}
	}
	return nil
}

func (s *soaking) start() (err error) {
	env := []string{"LATCHKEY_LMTP=127.0.0.1:0", "LATCHKEY_DNS=127.0.0.1:0", "LATCHKEY_WEBSERVER=off"}
	s.p, s.at, err = serve(s.bin, s.dir, s.cpu, append(env, s.env...)...)
	return err
}

// tool runs one of the server's commands and returns the token it answers, if
// any.
func (s *soaking) tool(ctx context.Context, args ...string) (token string, err error) {
	cmd := exec.CommandContext(ctx, s.bin, append(args, "--output=json")...)
	cmd.Env = append(os.Environ(), "LATCHKEY_DATA="+s.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", args, err, out)
	}
	var answer struct {
		Metadata struct{ Result int }
		Data     json.RawMessage
		Result   struct {
			Status int
			Data   json.RawMessage
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil || answer.Metadata.Result+answer.Result.Status != 1 {
		return "", fmt.Errorf("%v answered %s", args, out)
	}
	var data struct{ Token string }
	_ = json.Unmarshal(append(answer.Data, answer.Result.Data...), &data) // other answers have no token
	return data.Token, nil
}

// with opens a connection for fn.
func (s *soaking) with(fn func(*connection) error) error {
	conf, err := trust(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return err
	}
	c, err := connect(s.at["account"], conf, false)
	if err != nil {
		return err
	}
	defer c.close()
	return fn(c)
}

// work lets every client do its work and watches the server's memory.
func (s *soaking) work(ctx context.Context, span time.Duration) (memory []int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, k := range s.clients {
		wg.Go(func() {
			stepErr := s.with(func(c *connection) error {
				for ctx.Err() == nil {
					if err := k.step(c); err != nil {
						return err
					}
				}
				return nil
			})
			if stepErr != nil {
				cancel()
				mu.Lock()
				defer mu.Unlock()
				err = errors.Join(err, stepErr)
			}
		})
	}
	for ctx.Err() == nil {
		memory = append(memory, s.p.memory())
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	wg.Wait()
	return memory, err
}

// flat says whether memory grew between the second quarter of the time and the
// last one. A short time shows nothing.
func flat(memory []int64, span time.Duration, out io.Writer) error {
	n := len(memory)
	if n < 4 {
		return nil
	}
	early, late := median(memory[n/4:n/2:n/2]), median(memory[3*n/4:])
	fmt.Fprintf(out, "soak: memory %.1f MiB early, %.1f MiB late\n", float64(early)/(1<<20), float64(late)/(1<<20))
	if span >= time.Minute && late > early+early/5+16<<20 {
		return errors.New("the server's memory grows")
	}
	return nil
}
