package password

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// The vectors are those published with each algorithm: the specification of
// SHA-crypt, the test set of crypt_blowfish and that of the reference argon2.
const (
	sha512Hash = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
	bcryptHash = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"
	argonHash  = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
)

var vectors = []struct{ hash, password string }{
	{"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/", "we have a short salt string but not a short password"},
	{"$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1",
		"a very much longer text to encrypt.  This one even stretches over morethan one line."},
	{sha512Hash, "Hello world!"},
	{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{"$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
	{bcryptHash, "\xff\xff\xa3"},
	{argonHash, "password"},
	{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
}

func TestVectors(t *testing.T) {
	h := New(2)
	for _, v := range vectors {
		hash, err := ParseForeign(v.hash)
		if err != nil {
			t.Errorf("ParseForeign(%q): %v", v.hash, err)
			continue
		}
		for _, try := range []struct {
			password string
			want     bool
		}{{v.password, true}, {v.password + "x", false}} {
			got, err := h.Verify(t.Context(), hash, latchkey.NewSecret(try.password))
			if got != try.want || err != nil {
				t.Errorf("Verify(%s, %q) = %v, %v, want %v", string(hash), try.password, got, err, try.want)
			}
		}
	}
}

func TestMake(t *testing.T) {
	h := New(1)
	hash, err := h.Make(t.Context(), latchkey.NewSecret("12345luggage"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(string(hash), want) {
		t.Errorf("Make = %s, want it to begin with %s", string(hash), want)
	}
	if again, err := ParseForeign(string(hash)); again != hash || err != nil {
		t.Errorf("ParseForeign(Make()) = %s, %v, want the same hash", string(again), err)
	}
	for text, want := range map[string]bool{"12345luggage": true, "12345Luggage": false, "": false} {
		if got, err := h.Verify(t.Context(), hash, latchkey.NewSecret(text)); got != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a\x00b", "a\nb", "\x7f", strings.Repeat("x", MaxLength+1)} {
		if _, err := h.Make(t.Context(), latchkey.NewSecret(text)); latchkey.KindOf(err) != latchkey.Invalid {
			t.Errorf("Make(%.10q) = %v, want kind %v", text, err, latchkey.Invalid)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	h := New(1)
	if ok, err := h.Verify(t.Context(), "", latchkey.NewSecret("")); ok || err != nil {
		t.Errorf("Verify with the empty hash = %v, %v, want false", ok, err)
	}
	if ok, err := h.Verify(t.Context(), "{MD5-CRYPT}$1$salt$qJH7.N4xYta3aEG/dfqo/0", latchkey.NewSecret("password")); ok || latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("Verify with an MD5 hash = %v, %v, want kind %v", ok, err, latchkey.Invalid)
	}
	long := latchkey.NewSecret(strings.Repeat("x", MaxLength+1))
	if ok, err := h.Verify(t.Context(), "{SHA512-CRYPT}"+sha512Hash, long); ok || err != nil {
		t.Errorf("Verify with a long password = %v, %v, want false", ok, err)
	}
}

func TestHashIsNotPrinted(t *testing.T) {
	hash := Hash("{SHA512-CRYPT}" + sha512Hash)
	for _, verb := range []string{"%v", "%s", "%q", "%+v", "%#v"} {
		if got := fmt.Sprintf(verb, hash); strings.Contains(got, "saltstring") {
			t.Errorf("Sprintf(%q, hash) = %s", verb, got)
		}
	}
	if got := hash.LogValue().String(); got != "{SHA512-CRYPT}***" {
		t.Errorf("LogValue = %s", got)
	}
}

// One worker and a full line: the next call is refused at once, one in the
// line leaves it when its context ends, and the place it had is free again.
func TestLine(t *testing.T) {
	h := New(1)
	h.workers <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	var inLine sync.WaitGroup
	for range cap(h.line) {
		inLine.Go(func() {
			if err := h.VerifyNothing(ctx, latchkey.NewSecret("x")); !errors.Is(err, context.Canceled) {
				t.Errorf("VerifyNothing in line = %v, want %v", err, context.Canceled)
			}
		})
	}
	for len(h.line) < cap(h.line) {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Make(t.Context(), latchkey.NewSecret("x")); latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("Make with a full line = %v, want kind %v", err, latchkey.Unavailable)
	}
	cancel()
	inLine.Wait()
	<-h.workers
	if err := h.VerifyNothing(t.Context(), latchkey.NewSecret("x")); err != nil {
		t.Errorf("VerifyNothing with an empty line = %v", err)
	}
}

func BenchmarkMake(b *testing.B) {
	h := New(1)
	for b.Loop() {
		if _, err := h.Make(b.Context(), latchkey.NewSecret("12345luggage")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	h := New(1)
	own, err := h.Make(b.Context(), latchkey.NewSecret("Hello world!"))
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, hash, password string
	}{
		{"argon2id", string(own), "Hello world!"},
		{"bcrypt-10", "$2y$10$xDHwbaxdXHtjcBcKYqZbHO.3NSZM21Mx32mym.jJVk3MyqJtHj2iu", "U*U"},
		{"sha512-5000", sha512Hash, "Hello world!"},
		{"sha256-5000", vectors[0].hash, vectors[0].password},
		{"sha512-50000", "$6$rounds=50000$saltstring$ncVsLiF34/jNQcHAyRKELZoaQ47DTgws.wKLWo5nRc3F5WhWw4q2uNrLahrr4rqOOtdD2DPJe2PaP5zdggEp91", "Hello world!"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			hash, err := ParseForeign(bench.hash)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if ok, err := h.Verify(b.Context(), hash, latchkey.NewSecret(bench.password)); !ok || err != nil {
					b.Fatalf("Verify = %v, %v, want true", ok, err)
				}
			}
		})
	}
}
