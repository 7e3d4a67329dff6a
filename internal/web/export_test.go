package web

import "github.com/latchkey/latchkey/internal/latchkey"

// Forms are the addresses of the pages of a door that forms are sent to.
func Forms(door latchkey.Audience) (paths []string) {
	for _, p := range map[latchkey.Audience][]page{latchkey.ForAccount: accountPages, latchkey.ForHost: hostPages}[door] {
		if p.post != nil {
			paths = append(paths, p.path)
		}
	}
	return paths
}
