package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/language"
)

// The languages that pages speak. What the server itself answers, errors of calls
// among it, is English: those words are the interface's.
var tongues = []struct{ tag, name string }{{"en", "English"}, {"de", "Deutsch"}}

// languages are all there are.
type languages struct {
	matcher language.Matcher
	list    []*tongue
}

// tongue is one language.
type tongue struct {
	Tag, Name string
	words     *i18n.Localizer
}

func newLanguages() *languages {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	l := &languages{}
	var tags []language.Tag
	for _, t := range tongues {
		if _, err := bundle.LoadMessageFileFS(files, "locales/"+t.tag+".toml"); err != nil {
			panic(err)
		}
		tags = append(tags, language.Make(t.tag))
	}
	for _, t := range tongues {
		l.list = append(l.list, &tongue{t.tag, t.name, i18n.NewLocalizer(bundle, t.tag)})
	}
	l.matcher = language.NewMatcher(tags)
	return l
}

func (l *languages) has(tag string) bool {
	return slices.ContainsFunc(l.list, func(t *tongue) bool { return t.Tag == tag })
}

// of is the language that somebody chose, or that their browser asks for.
func (l *languages) of(r *http.Request) *tongue {
	if c, err := r.Cookie(langCookie); err == nil {
		for _, t := range l.list {
			if t.Tag == c.Value {
				return t
			}
		}
	}
	_, i := language.MatchStrings(l.matcher, r.Header.Get("Accept-Language"))
	return l.list[i]
}

// say says what stands under id, with values for what it leaves open. A number
// called Count chooses its plural.
func (t *tongue) say(id string, args ...any) string {
	c := i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := make(map[string]any, len(args)/2)
		for i := 0; i+1 < len(args); i += 2 {
			key, _ := args[i].(string)
			data[key] = args[i+1]
			if key == "Count" {
				c.PluralCount = args[i+1]
			}
		}
		c.TemplateData = data
	}
	text, err := t.words.Localize(&c)
	if err != nil && text == "" {
		return id
	}
	return text
}

// date is a day as people write it.
func (t *tongue) date(at time.Time) string {
	if t.Tag == "de" {
		return at.Format("02.01.2006")
	}
	return at.Format("Jan 2, 2006")
}

// moment is a minute, with its zone.
func (t *tongue) moment(at time.Time) string { return t.date(at) + at.Format(", 15:04 MST") }

// number is a number with the decimal sign that people use.
func (t *tongue) number(text string) string {
	if t.Tag == "de" {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}
