package web

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// patience is how long a form may stay without an answer: what takes longer is told
// of on a page that grows as the work goes on, without scripts too.
const patience = 1500 * time.Millisecond

// longWork is work that may take longer than patience, and what is shown then.
type longWork struct {
	Title, Name string // an id of words, and what they are about
	To          string // the page that comes after
	Of          int    // steps; 0 for work that has none
	Mark        string // where the page grows

	v     *visit
	mu    sync.Mutex
	head  []byte // of the page, until it is written
	tail  []byte
	begun bool
	last  time.Time // of a step that was told
}

// workStep is how far the work has come.
type workStep struct{ Done, Of int }

// workEnd is what came of it.
type workEnd struct {
	Notes   []note
	Failure string
	To      string
}

// long does work, and leads to the page that comes after. Where that takes longer
// than patience a page tells of it, and of what came of it: told is true then, and
// everything said.
func (v *visit) long(l *longWork, work func(step func(done int)) error) (told bool, err error) {
	if v.caller.Kind != latchkey.BySession {
		if err := v.greet(); err != nil {
			return false, err
		}
	}
	if err := l.render(v); err != nil {
		return false, err
	}
	if v.pages.patience < 0 {
		l.begin()
	} else {
		timer := time.AfterFunc(v.pages.patience, l.begin)
		defer timer.Stop()
	}
	err = work(l.step)
	if l.end(err) {
		return true, nil
	}
	if err == nil {
		v.redirect(l.To)
	}
	return false, err
}

// render makes the page in two parts, before the work begins: no two may use a
// visit at once.
func (l *longWork) render(v *visit) error {
	l.v, l.Mark = v, rand.Text()
	var b bytes.Buffer
	if err := v.pages.views["working"].run(&b, &shown{visit: v, Data: l, Status: http.StatusOK}); err != nil {
		return err
	}
	l.head, l.tail, _ = bytes.Cut(b.Bytes(), []byte(l.Mark))
	return nil
}

// begin shows the page as far as it has come, unless the work is done.
func (l *longWork) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head == nil {
		return
	}
	l.v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	l.v.w.WriteHeader(http.StatusOK)
	l.begun = true
	l.grow(l.head)
	l.head = nil
}

// grow adds to the page, and has the browser show it.
func (l *longWork) grow(text []byte) {
	_, _ = l.v.w.Write(text)                      // a browser that has gone away is no error of ours
	_ = http.NewResponseController(l.v.w).Flush() // nor one that sees it later
}

// step tells how far the work has come.
func (l *longWork) step(done int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun && time.Since(l.last) >= l.v.pages.patience {
		l.last = time.Now()
		l.part("working_step", workStep{done, l.Of})
	}
}

// end says what came of the work on the page that was begun; false where none was,
// and none will be.
func (l *longWork) end(failure error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = nil
	if !l.begun {
		return false
	}
	end := workEnd{Notes: l.v.note.list, To: l.v.link(l.To)}
	if err := latchkey.AsError(failure); err != nil {
		if end.Failure = err.Msg; err.Kind == latchkey.Internal && err.Msg == "" {
			end.Failure = call.Words(err, &call.Request{Module: "web", Func: l.v.Path}, l.v.pages.Log)
		}
	}
	l.part("working_end", end)
	l.grow(l.tail)
	return true
}

func (l *longWork) part(name string, data any) {
	var b bytes.Buffer
	if err := l.v.pages.views["working"].t.ExecuteTemplate(&b, name, &shown{visit: l.v, Data: data}); err != nil {
		l.v.pages.Log.Error("a page cannot be shown", "page", name, "err", err)
		return
	}
	l.grow(b.Bytes())
}
