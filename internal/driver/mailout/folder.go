package mailout

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/notice"
)

// Folder keeps mail in a directory, each in a file of its own, for who wants to see
// what would leave the server. Nothing is sent.
type Folder struct{ Dir string }

// Send writes m down, after two lines that say whom it is from and to.
func (f Folder) Send(_ context.Context, m *notice.Message) error {
	name := filepath.Join(f.Dir, time.Now().UTC().Format("20060102T150405.000000-")+rand.Text()[:8]+".eml")
	clean := func(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }
	text := fmt.Appendf(nil, "X-Envelope-From: <%s>\r\nX-Envelope-To: <%s>\r\n", clean(m.From), clean(m.To))
	if err := os.WriteFile(name+".part", append(text, m.Raw...), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}
