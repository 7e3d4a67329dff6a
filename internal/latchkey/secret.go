package latchkey

import (
	"fmt"
	"log/slog"
)

// Secret is text that must never be seen: a password, a token, a key. Every
// way of printing it gives "***"; [Secret.Reveal] is the one way to read it.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is the text itself. Call it where the secret is used, not before.
func (s Secret) Reveal() string { return s.text }

// Revealed are the texts of secrets, for the answer that shows them.
func Revealed(secrets []Secret) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.text)
	}
	return texts
}

// Empty reports whether there is no text at all.
func (s Secret) Empty() bool { return s.text == "" }

func (s Secret) String() string               { return "***" }
func (s Secret) GoString() string             { return "***" }
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte("***")) }
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue("***") }

// ParseParam takes the text as it is. It makes Secret a parameter type.
func (s *Secret) ParseParam(text string) error { s.text = text; return nil }
