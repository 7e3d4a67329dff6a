package estate_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// TestFindTellsNothingOfOthers: where a search of a reseller's stops is told without
// what others call their tokens, and it comes to its end.
func TestFindTellsNothingOfOthers(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "shop", "domain", "shop.example", "password", testserver.Password)
	s.WHM("setupreseller", "user", "shop", "makeowner", "1")
	s.WHM("setacls", "reseller", "shop", "acl-list-accts", "1")
	s.Token("shop", "own")
	other := accountOf(t, s, "other").Caller().Account
	_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
		for i := range 9000 {
			k := latchkey.Token{Account: other, Name: fmt.Sprintf("secret-project-%04d", i), Created: s.Now()}
			binary.BigEndian.PutUint32(k.MAC[:], uint32(i))
			if err := tx.InsertToken(k); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	after, calls := "", 0
	for ; calls == 0 || after != "" && calls < 20; calls++ {
		res := s.Call(call.WHM, "shop", "", "list_account_tokens", "limit", "1000", "after", after)
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		text := string(encode.Append(nil, res.Data))
		if strings.Contains(text, "secret") {
			t.Fatalf("a reseller is told of another's tokens: %s", text)
		}
		is := decode[struct {
			Tokens []struct{ Name string }
			Next   string
		}](t, res.Data)
		for _, k := range is.Tokens {
			found = append(found, k.Name)
		}
		after = is.Next
	}
	if fmt.Sprint(found) != "[own]" || after != "" {
		t.Errorf("found %q in %d calls, next is %q", found, calls, after)
	}
}
