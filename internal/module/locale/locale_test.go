package locale

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestLocale(t *testing.T) {
	moduletest.Table(t, Module, hostingtest.New(), []moduletest.Row{
		{`get_attributes`, `{"direction":"ltr","encoding":"utf-8","locale":"en","name":"English"}`},
		{`list_locales`, `[{"direction":"ltr","local_name":"English","locale":"en","name":"English"}]`},
	})
}
