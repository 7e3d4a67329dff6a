package passwdstrength

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestRequiredStrength(t *testing.T) {
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{`get_required_strength?app=webdisk`, `{"strength":65}`},
		{`get_required_strength?app=pop`, `{"strength":65}`},
		{`get_required_strength?app=tea`, `invalid: The “app” argument is invalid: it must be one of createacct, ftp, htaccess, list, mysql, passwd, pop, postgres, sshkey, virtual, webdisk.`},
		{`get_required_strength`, `missing: app`},
	})
}
