package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
)

// Browse implements [hosting.MailFiles].
func (m *mail) Browse(ctx context.Context, of hosting.Address, dir string) (list []hosting.MailFile, err error) {
	if of != (hosting.Address{}) {
		if _, err := m.Mailbox(ctx, of); err != nil {
			return nil, err
		}
	}
	err = m.inHome(ctx, func(name string) error {
		found, err := m.e.Mail.Browse(ctx, name, string(of.Domain), of.Local, dir, hosting.MaxBrowsed)
		for _, f := range found {
			list = append(list, hosting.MailFile(f))
		}
		return err
	})
	return list, err
}
