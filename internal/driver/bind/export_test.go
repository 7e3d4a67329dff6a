package bind

import "context"

// Tell tells BIND something, for tests.
func (p *Part) Tell(words ...string) (string, error) { return p.rndc(context.Background(), words...) }
