package crash

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// act is what a client does with one token of an account, or to the account.
type act uint8

const (
	use act = iota
	create
	rotate
	disable
	enable
	revoke
	suspend
	unsuspend
	featureOff
	featureOn
)

func (a act) String() string {
	return [...]string{"use", "create", "rotate", "disable", "enable", "revoke", "suspend", "unsuspend", "feature off", "feature on"}[a]
}

// outcome is what a client was told.
type outcome uint8

const (
	done    outcome = iota // or accepted
	refused                // it cannot be done, or the secret is not accepted
	denied                 // whoever asks may not come in: the account is suspended, or its feature off
	unanswered
)

func (o outcome) String() string { return [...]string{"done", "refused", "denied", "no answer"}[o] }

// said is what was asked for: secret is the one that is used, or the one that is
// made by it. The secrets of an account are numbered.
type said struct {
	account string
	act     act
	secret  int
}

// oneToken is an account with its one token, as one server without concurrency
// would have it.
type oneToken struct {
	there, disabled, suspended, off bool
	secret                          int
}

// after is the token after an act, and whether the act can be done now. Uses can
// be done if they are accepted.
func (k oneToken) after(s said) (oneToken, bool) {
	is := k
	ok := k.there
	switch s.act {
	case use:
		ok = k.there && !k.disabled && !k.barred() && k.secret == s.secret
	case create:
		is.there, is.disabled, is.secret = true, false, s.secret
		ok = !k.there
	case rotate:
		is.secret = s.secret
	case disable:
		is.disabled = true
	case enable:
		is.disabled = false
	case revoke: // succeeds also if there is none
		is.there, is.disabled, is.secret = false, false, 0
		ok = true
	default:
		ok = true
		is.suspended = s.act == suspend || k.suspended && s.act != unsuspend
		is.off = s.act == featureOff || k.off && s.act != featureOn
	}
	if !ok {
		return k, false
	}
	return is, true
}

// barred reports whether no token of the account is accepted.
func (k oneToken) barred() bool { return k.suspended || k.off }

// owner reports whether it is the account's owner who does it, with another token
// of the account's.
func (a act) owner() bool { return a >= create && a <= revoke }

// next are the states there may be after an act with an outcome: none if that
// cannot have been.
func (k oneToken) next(s said, told outcome) []any {
	is, ok := k.after(s)
	shut := s.act.owner() && k.barred()
	switch {
	case told == unanswered && !shut && is != k:
		return []any{k, is}
	case told == unanswered, told == denied && shut, told == refused && !shut && !ok:
		return []any{k}
	case told == done && !shut && ok:
		return []any{is}
	}
	return nil
}

// tokenModel checks histories against [oneToken], account by account.
var tokenModel = (&porcupine.NondeterministicModel{
	Partition: byAccount,
	Init:      func() []any { return []any{oneToken{}} },
	Step: func(state, input, output any) []any {
		return state.(oneToken).next(input.(said), output.(outcome))
	},
	DescribeOperation: func(input, output any) string {
		s := input.(said)
		return fmt.Sprintf("%v %d: %v", s.act, s.secret, output)
	},
	DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
}).ToModel()

func byAccount(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	at := make(map[string]int)
	for _, op := range history {
		account := op.Input.(said).account
		i, ok := at[account]
		if !ok {
			i = len(parts)
			at[account] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	for _, part := range parts {
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	}
	return parts
}
