package loopback

import "testing"

func TestNear(t *testing.T) {
	for address, want := range map[string]string{
		":443": "127.0.0.1:443", "0.0.0.0:53": "127.0.0.1:53", "[::]:80": "127.0.0.1:80",
		"192.0.2.1:443": "192.0.2.1:443", "[2001:db8::1]:443": "[2001:db8::1]:443", "nowhere": "nowhere",
	} {
		if got := Near(address); got != want {
			t.Errorf("Near(%q) = %q, want %q", address, got, want)
		}
	}
}
