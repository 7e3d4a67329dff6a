package estate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// toldSetting is the name under which the store keeps what owners were told of.
const toldSetting = "notices.told"

// told is how far owners were told what comes with time. It moves on in the
// transaction that puts the notices into the queue: each is told once.
type told struct {
	Since time.Time             `json:"since"` // when notices were first switched on
	Ends  [len(warnings)]endsAt `json:"ends"`  // one for each of [warnings]
}

// endsAt is the token, by when it ends, up to which owners were warned.
type endsAt struct {
	At time.Time        `json:"at"`
	ID latchkey.TokenID `json:"id"`
}

// lastID is greater than the number of any token.
const lastID latchkey.TokenID = math.MaxInt64

// warnings are how long before its end a token's owner is told of it.
var warnings = [...]time.Duration{7 * latchkey.Day, latchkey.Day}

// toldSoFar is how far owners were told. Who switches notices on is told of what
// ends within the next days, and of nothing from before.
func (e *Estate) toldSoFar(r store.Reader) (t told, err error) {
	if err = r.Setting(toldSetting, &t); errors.Is(err, store.ErrNotFound) {
		now := e.Now().UTC()
		t, err = told{Since: now}, nil
		for i := range t.Ends {
			t.Ends[i] = endsAt{At: now.Add(shortest(i)), ID: lastID}
		}
	}
	return t, err
}

// shortest is how long a token has to live for warning i: with less it is the
// next one's turn.
func shortest(i int) time.Duration {
	if i+1 < len(warnings) {
		return warnings[i+1]
	}
	return 0
}

// tellOfEnds tells owners of tokens that are about to end.
func (e *Estate) tellOfEnds(ctx context.Context) error {
	for i := range warnings {
		for more := true; more && ctx.Err() == nil; {
			_, err := e.Store.Write(ctx, func(tx store.Tx) (err error) {
				more, err = e.warn(tx, i)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// warn puts some notices of warning i into the queue, and reports whether there
// may be more.
func (e *Estate) warn(tx store.Tx, i int) (more bool, err error) {
	const page = 200
	t, err := e.toldSoFar(tx)
	if err != nil {
		return false, err
	}
	now := e.Now().UTC()
	until := now.Add(warnings[i])
	from := &t.Ends[i]
	if until.Before(from.At) {
		return false, nil // the clock was set back
	}
	tokens, err := tx.TokensEnding(from.At, from.ID, until, page)
	for k := 0; err == nil && k < len(tokens); k++ {
		*from = endsAt{tokens[k].Expires, tokens[k].ID}
		err = e.warnOf(tx, &tokens[k], i, now)
	}
	if err != nil {
		return false, err
	}
	if more = len(tokens) == page; !more {
		*from = endsAt{until, lastID}
	}
	return more, tx.PutSetting(toldSetting, t)
}

// warnOf tells the owner of k that it is about to end: not of one that had less
// than that to live when it was made.
func (e *Estate) warnOf(tx store.Tx, k *latchkey.Token, i int, now time.Time) error {
	left := k.Expires.Sub(now)
	if e.Keys.Seal(k) != k.Seal || k.State != latchkey.TokenActive || left <= shortest(i) || k.Expires.Sub(k.Created) <= warnings[i] {
		return nil
	}
	return e.tell(tx, k, notice.Notice{Kind: notice.Ending})
}

// What is remembered of the networks of a token, and told of them in a day.
const (
	networksOfOne  = 256
	networksTold   = 3
	sightingsAPage = 200
)

// tellOfNetworks tells owners of tokens that were used from networks that they
// were never used from.
func (e *Estate) tellOfNetworks(ctx context.Context) error {
	for ctx.Err() == nil {
		list := e.Auth.Sightings(sightingsAPage)
		if len(list) == 0 {
			return nil
		}
		_, err := e.Store.Write(ctx, func(tx store.Tx) error {
			t, err := e.toldSoFar(tx)
			for i := 0; err == nil && i < len(list); i++ {
				err = e.saw(tx, &list[i], t.Since)
			}
			if err != nil {
				return err
			}
			return tx.PutSetting(toldSetting, t)
		})
		if err != nil {
			e.Auth.ForgetSightings(list)
			return err
		}
	}
	return nil
}

// saw notes from where a token was used. The first networks of a token that is
// older than the notices are told to nobody: it may have been there for long.
func (e *Estate) saw(tx store.Tx, x *auth.Sighting, since time.Time) error {
	k, err := tx.TokenByMAC(x.MAC)
	if err != nil {
		return gone(err) // revoked meanwhile
	}
	had, err := tx.NetworksSince(k.ID, time.Time{})
	if err != nil {
		return err
	}
	isNew, err := tx.AddNetwork(k.ID, x.Network, x.At, networksOfOne)
	if err != nil || !isNew || had == 0 && k.Created.Before(since) {
		return err
	}
	lately, err := tx.NetworksSince(k.ID, x.At.Add(-latchkey.Day))
	if err != nil || lately > networksTold {
		return err
	}
	return e.tell(tx, &k, notice.Notice{
		Kind: notice.Network, At: x.At.UTC(), From: x.From.String(), Client: x.Client, Network: x.Network.String(), First: had == 0,
	})
}

// firstOf is the beginning of a text that others have written, on one line.
func firstOf(text string, most int) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return text
}

// tellOfTerms tells owners of tokens that their terms have ended. Most have not,
// or were told of: these are only read.
func (e *Estate) tellOfTerms(ctx context.Context) error {
	const page = 500
	var after latchkey.TokenID
	for n := page; n == page && ctx.Err() == nil; {
		var ended []latchkey.Token
		err := e.Store.Read(ctx, func(r store.Reader) error {
			tokens, err := r.TokensOnTerms(after, page)
			n = len(tokens)
			for i := 0; err == nil && i < n; i++ {
				after = tokens[i].ID
				var why string
				if why, _, err = e.endedBy(r, &tokens[i]); why != "" {
					ended = append(ended, tokens[i])
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(ended) == 0 {
			continue
		}
		_, err = e.Store.Write(ctx, func(tx store.Tx) (err error) {
			for i := 0; err == nil && i < len(ended); i++ {
				err = e.tellOfTerm(tx, &ended[i])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tellOfTerm tells the owner of k that it has ended, once for each time that it
// was made, enabled or given other terms.
func (e *Estate) tellOfTerm(tx store.Tx, k *latchkey.Token) error {
	now, err := tx.TokenByMAC(k.MAC)
	if err != nil {
		return gone(err) // changed or revoked meanwhile: the next round sees
	}
	why, what, err := e.endedBy(tx, &now)
	if err != nil || why == "" {
		return err
	}
	if err := tx.PutTold(now.ID, what); err != nil {
		return err
	}
	return e.tell(tx, &now, notice.Notice{Kind: notice.Ended, Why: why})
}

// endedBy says why its terms have ended k, if they have and its owner was not told
// so, and what to remember as told.
func (e *Estate) endedBy(r store.Reader, k *latchkey.Token) (why, what string, err error) {
	use, _, err := e.Auth.LastUse(r, k)
	if err != nil {
		return "", "", err
	}
	uses, err := auth.Uses(r, k)
	if err != nil {
		return "", "", err
	}
	switch k.Standing(e.Now(), use.At, uses) {
	case latchkey.StandsUnused:
		why = fmt.Sprintf("nobody used it for %d days", k.UnusedDays)
	case latchkey.StandsUsedUp:
		why = fmt.Sprintf("it has made the %d calls that it might make", k.MaxUses)
	default:
		return "", "", nil
	}
	what = fmt.Sprint(why, " ", k.Renewed.Unix())
	if had, err := r.Told(k.ID); gone(err) != nil || had == what {
		return "", "", gone(err)
	}
	return why, what, nil
}
