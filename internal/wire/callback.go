package wire

import (
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// callBackPath is where dynamic hosts are called back for: the rest of the path
// is all that is asked for, on the port without TLS too, where many routers have
// no other.
const callBackPath = "/cpanelwebcall/"

// callBack gives a dynamic host the address that r comes from, and answers with
// it: what programs look for is ipv4: or ipv6: and an address.
func (d *Door) callBack(w http.ResponseWriter, r *http.Request, id string) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		plain(w, http.StatusMethodNotAllowed, "This method is not understood here: use GET or POST.")
		return
	}
	from, _ := d.origin(r)
	from.Clear = d.InClear
	at, failed := d.Calls.CallBack(r.Context(), latchkey.NewSecret(strings.TrimSuffix(id, "/")), from)
	switch {
	case failed == nil && at.Is4():
		plain(w, http.StatusOK, "ipv4: "+at.String())
	case failed == nil:
		plain(w, http.StatusOK, "ipv6: "+at.String())
	case failed.Kind == latchkey.BadCredentials:
		plain(w, http.StatusNotFound, failed.Msg)
	case failed.Kind == latchkey.Internal:
		plain(w, http.StatusInternalServerError, "The request failed.")
	case failed.Kind == latchkey.Unavailable:
		plain(w, http.StatusServiceUnavailable, failed.Msg)
	default:
		plain(w, http.StatusConflict, failed.Msg)
	}
}
