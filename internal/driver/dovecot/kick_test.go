package dovecot

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKick: everybody named is asked for, and what Dovecot says of them is believed
// and nothing else is.
func TestKick(t *testing.T) {
	many := make(map[string]bool)
	for i := range 3000 { // more than fits into the socket unread
		many[fmt.Sprintf("box%d-with-a-name-that-is-rather-long@example.com", i)] = true
	}
	for _, test := range []struct {
		name   string
		of     map[string]bool
		answer func(line string) string
		want   string
	}{
		{"nobody there", map[string]bool{"ann@example.com": true}, func(string) string { return "0\n" }, ""},
		{"many", many, func(string) string { return "1\n" }, ""},
		{"refused", map[string]bool{"ann@example.com": true}, func(string) string { return "-\tnot allowed\n" }, `sessions cannot be ended by Dovecot: it answers "-\tnot allowed"`},
		{"it goes away", map[string]bool{"ann@example.com": true}, nil, "sessions cannot be ended by Dovecot: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &Part{o: Options{Dir: t.TempDir()}}
			if asked, err := p.kick(t.Context(), test.of); asked || err != nil {
				t.Errorf("with nobody there kick = %v, %v", asked, err)
			}
			said := anvil(t, p.o.Dir, test.answer)
			asked, err := p.kick(context.Background(), test.of)
			if text := fmt.Sprint(err); !asked || (err != nil) != (test.want != "") || err != nil && !strings.HasPrefix(text, test.want) {
				t.Errorf("kick = %v, %v; want %q", asked, err, test.want)
			}
			if test.want == "" {
				if diff := cmp.Diff(sorted(test.of), <-said); diff != "" {
					t.Errorf("asked for (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func sorted(of map[string]bool) (list []string) {
	for address := range of {
		list = append(list, address)
	}
	slices.Sort(list)
	return list
}

// anvil answers one connection where Dovecot 2.4 does, and tells at its end of whom it
// was asked; it hangs up at once if there is no answer.
func anvil(t *testing.T, dir string, answer func(line string) string) <-chan []string {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, kicks), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, kicks, "anvil"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	said := make(chan []string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if answer == nil {
			return
		}
		fmt.Fprint(conn, "VERSION\tanvil-server\t2\t0\n")
		var of []string
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if address, ok := strings.CutPrefix(lines.Text(), "KICK-USER\t"); ok {
				of = append(of, address)
				fmt.Fprint(conn, answer(lines.Text()))
			}
		}
		slices.Sort(of)
		said <- of
	}()
	return said
}
