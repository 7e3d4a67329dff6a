package api

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Doer runs one account function for the caller who holds on, by all the rules
// of a call. The errors of its answer say why it failed, if it did.
type Doer func(ctx context.Context, on hosting.Account, module, function string, args Args) Answer

// HostDoer runs one host function as [Doer] does account functions. The answer
// has a reason in any case.
type HostDoer func(ctx context.Context, on hosting.Host, function string, args Args) Answer

// Envelope is UAPI's answer as data: of a call inside another one.
type Envelope struct {
	Data     any      `json:"data"`
	Errors   texts    `json:"errors"`
	Messages texts    `json:"messages"`
	Metadata struct{} `json:"metadata"`
	Status   bool     `json:"status"`
	Warnings texts    `json:"warnings"`
}

// EnvelopeOf is an answer as the call alone would have it.
func EnvelopeOf(a Answer) Envelope {
	return Envelope{Data: a.Data, Errors: a.Errors, Messages: a.Messages, Warnings: a.Warnings, Status: len(a.Errors) == 0 && !a.No}
}

// HostEnvelope is WHM API 1's answer as data: of a call inside another one.
type HostEnvelope struct {
	Data     any          `json:"data,omitempty"`
	Metadata HostMetadata `json:"metadata"`
}

// HostMetadata is what WHM API 1 says of a call.
type HostMetadata struct {
	Command string      `json:"command"`
	Output  *HostOutput `json:"output,omitempty"`
	Reason  string      `json:"reason"`
	Result  bool        `json:"result"`
	Version int         `json:"version"`
}

// HostOutput is what else WHM API 1 tells of a call.
type HostOutput struct {
	Messages []string `json:"messages"`
	Warnings []string `json:"warnings"`
}

// MetadataOf is what WHM API 1 says of an answer with its reason.
func MetadataOf(function, reason string, ok bool, a *Answer) HostMetadata {
	m := HostMetadata{Command: function, Reason: reason, Result: ok, Version: 1}
	if len(a.Messages) > 0 || len(a.Warnings) > 0 {
		m.Output = &HostOutput{a.Messages, a.Warnings}
	}
	return m
}

// texts is a list that is null when it is empty.
type texts []string

// AppendJSON appends the list.
func (t texts) AppendJSON(dst []byte) []byte {
	if len(t) == 0 {
		return append(dst, "null"...)
	}
	return encode.Append(dst, []string(t))
}
