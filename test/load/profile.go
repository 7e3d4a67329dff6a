package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// profileSeconds is how long a profile is taken.
const profileSeconds = 10

// profile prints where the server's time goes under the load of a goal.
func (b *bench) profile(goal string) error {
	listener, err := freeAddress()
	if err != nil {
		return err
	}
	env := "LATCHKEY_PPROF=" + listener
	work, err := b.profiled(goal, env)
	if err != nil {
		return err
	}
	unpin, err := b.cpus.pin()
	if err != nil {
		return err
	}
	defer unpin()
	ended := make(chan error, 1)
	go func() { ended <- work(profileSeconds + 3) }()
	time.Sleep(time.Second)
	file := filepath.Join(b.options.data, goal+".pprof")
	if err := fetch(b.ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", listener, profileSeconds), file); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	for _, order := range []string{"-flat", "-cum"} {
		cmd := exec.CommandContext(b.ctx, "go", "tool", "pprof", "-top", order, "-nodecount=25", b.server, file)
		cmd.Stdout, cmd.Stderr = b.out, os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	b.say("the profile is kept in %s", file)
	return nil
}

// profiled starts a server that tells of its time, and returns the load of the
// goal.
func (b *bench) profiled(goal, env string) (work func(seconds int) error, err error) {
	if goal == "G10" {
		d, err := b.scratch()
		if err != nil {
			return nil, err
		}
		t, err := b.ours(d, env)
		if err != nil {
			return nil, err
		}
		c := &creator{t: t, d: d, created: make(map[string][]string)}
		return func(seconds int) error {
			_, err := c.createFor(b, time.Duration(seconds)*time.Second, writers)
			return err
		}, nil
	}
	d, err := b.data(b.usual())
	if err != nil {
		return nil, err
	}
	t, err := b.ours(d, env)
	if err != nil {
		return nil, err
	}
	switch goal {
	case "G1":
	case "G11":
		_, t = badTokens(t, d)
	default:
		return nil, fmt.Errorf("-profile %s: choose G1, G10 or G11", goal)
	}
	g, err := b.generator(t.tls)
	if err != nil {
		return nil, err
	}
	return func(seconds int) error {
		lists, err := b.lists([]*target{t})
		if err != nil {
			return err
		}
		_, err = b.once(g, []*target{t}, 0, lists[0], 0, seconds)
		return err
	}, nil
}

func fetch(ctx context.Context, url, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s %s", url, res.Status, body)
	}
	return os.WriteFile(file, body, 0o600)
}
