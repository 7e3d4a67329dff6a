package nginx

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/loopback"
)

// inARow is how many newcomers in a row must be told of the newest reload: for a
// moment workers of the one before take newcomers, too.
const inARow = 24

// reloaded returns when nginx has read the files of the last reload, and its older
// workers take nobody new.
func (p *Part) reloaded(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	want := strconv.FormatUint(p.number, 10)
	return until(ctx, func() error {
		for range inARow {
			got, err := number(ctx, client, "http://"+loopback.Near(p.o.Plain)+numberPath)
			if err != nil {
				return err
			}
			if got != want {
				return errors.New("it has not read the newest files")
			}
		}
		return nil
	})
}

// number is the reload that nginx tells of.
func number(ctx context.Context, client *http.Client, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	r.Host = "_"
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	return strings.TrimSpace(string(text)), err
}

// until tries again and again, with growing pauses, until ctx ends.
func until(ctx context.Context, try func() error) error {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nginx does not do as it was told: %w", err)
		case <-time.After(pause):
		}
	}
}

// confirm returns when who comes with TLS gets the certificate that the source names
// for each name, or none. Somebody may change that meanwhile: then it is that.
func (p *Part) confirm(ctx context.Context, names []latchkey.Domain) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return until(ctx, func() error {
		for _, name := range names {
			want, err := p.leaf(ctx, name)
			if err != nil {
				return err
			}
			got, err := p.shown(ctx, name)
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("a client of %s gets another certificate", name)
			}
		}
		return nil
	})
}

// leaf is the certificate that the source names, nil for none.
func (p *Part) leaf(ctx context.Context, name latchkey.Domain) ([]byte, error) {
	s, err := p.o.Source.Site(ctx, name)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound && err != nil:
		return nil, nil
	case err != nil || s.Chain == "":
		return nil, err
	}
	block, _ := pem.Decode([]byte(s.Chain))
	if block == nil {
		return nil, errors.New("the certificate is damaged")
	}
	return block.Bytes, nil
}

// shown is the certificate that a client gets, nil if it gets none. Whether others
// trust it is not the question.
func (p *Part) shown(ctx context.Context, name latchkey.Domain) ([]byte, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{ServerName: string(name), InsecureSkipVerify: true}}
	c, err := d.DialContext(ctx, "tcp", loopback.Near(p.o.Secure))
	if err != nil {
		if strings.HasSuffix(err.Error(), ": unrecognized name") { // the alert has no name of its own
			err = nil
		}
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw, nil
}
