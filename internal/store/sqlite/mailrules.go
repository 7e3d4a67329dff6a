package sqlite

import (
	"encoding/json"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/store"
)

// at are the columns of a place, as arguments.
func at(p store.MailPlace, more ...any) []any {
	return append([]any{int64(p.Account), string(p.Domain), p.Local}, more...)
}

const atPlace = ` WHERE account_id = ? AND domain = ? AND local = ?`

func scanForwarder(s scanner) (f store.Forwarder, err error) {
	err = s.Scan(&f.Account, &f.Domain, &f.Local, &f.To)
	return f, err
}

func (r *reader) Forwarders(account latchkey.AccountID, after store.Forwarder, limit int) ([]store.Forwarder, error) {
	if limit <= 0 {
		limit = -1
	}
	return all(r.ctx, r.q, scanForwarder,
		`SELECT account_id, domain, local, dest FROM forwarder WHERE account_id = ? AND (domain, local, dest) > (?, ?, ?) ORDER BY domain, local, dest LIMIT ?`,
		int64(account), string(after.Domain), after.Local, string(after.To), limit)
}

func (r *reader) ForwardersAt(p store.MailPlace) ([]mailrule.Destination, error) {
	return all(r.ctx, r.q, func(s scanner) (d mailrule.Destination, err error) { return d, s.Scan(&d) },
		`SELECT dest FROM forwarder`+atPlace+` ORDER BY dest`, at(p)...)
}

func (t *tx) PutForwarder(f store.Forwarder) error {
	return t.run(`INSERT INTO forwarder (account_id, domain, local, dest) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, at(f.MailPlace, string(f.To))...)
}

func (t *tx) DeleteForwarder(f store.Forwarder) error {
	return t.q.change(t.ctx, `DELETE FROM forwarder`+atPlace+` AND dest = ?`, at(f.MailPlace, string(f.To))...)
}

const mailDomainColumns = `account_id, domain, dest, forward`

func scanMailDomain(s scanner) (d store.MailDomain, err error) {
	err = s.Scan(&d.Account, &d.Domain, &d.Default, &d.Forward)
	return d, err
}

func (r *reader) MailDomain(account latchkey.AccountID, domain latchkey.Domain) (store.MailDomain, error) {
	return found(r, scanMailDomain, `SELECT `+mailDomainColumns+` FROM mail_domain WHERE account_id = ? AND domain = ?`, int64(account), string(domain))
}

func (r *reader) MailDomains(account latchkey.AccountID) ([]store.MailDomain, error) {
	return all(r.ctx, r.q, scanMailDomain, `SELECT `+mailDomainColumns+` FROM mail_domain WHERE account_id = ? ORDER BY domain`, int64(account))
}

func (t *tx) PutMailDomain(d store.MailDomain) error {
	if d.Default == "" && d.Forward == "" {
		return t.run(`DELETE FROM mail_domain WHERE account_id = ? AND domain = ?`, int64(d.Account), string(d.Domain))
	}
	return t.run(`INSERT INTO mail_domain (`+mailDomainColumns+`) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, domain) DO UPDATE SET dest = excluded.dest, forward = excluded.forward`,
		int64(d.Account), string(d.Domain), string(d.Default), string(d.Forward))
}

const autoresponderColumns = `account_id, domain, local, sender, subject, body, charset, html, hours, start, stop`

func scanAutoresponder(s scanner) (a store.Autoresponder, err error) {
	var start, stop int64
	err = s.Scan(&a.Account, &a.Domain, &a.Local, &a.From, &a.Subject, &a.Body, &a.Charset, &a.HTML, &a.Interval, &start, &stop)
	a.Start, a.Stop = instant(start), instant(stop)
	return a, err
}

func (r *reader) Autoresponder(p store.MailPlace) (store.Autoresponder, error) {
	return found(r, scanAutoresponder, `SELECT `+autoresponderColumns+` FROM autoresponder`+atPlace, at(p)...)
}

func (r *reader) Autoresponders(account latchkey.AccountID) ([]store.Autoresponder, error) {
	return all(r.ctx, r.q, scanAutoresponder, `SELECT `+autoresponderColumns+` FROM autoresponder WHERE account_id = ? ORDER BY domain, local`, int64(account))
}

func (r *reader) MailRuleCounts(account latchkey.AccountID) (forwarders, autoresponders int, err error) {
	n, err := found(r, func(s scanner) (n [2]int, err error) { return n, s.Scan(&n[0], &n[1]) },
		`SELECT (SELECT count(*) FROM forwarder WHERE account_id = ?), (SELECT count(*) FROM autoresponder WHERE account_id = ?)`, int64(account), int64(account))
	return n[0], n[1], err
}

func (t *tx) PutAutoresponder(a store.Autoresponder) error {
	return t.run(`INSERT INTO autoresponder (`+autoresponderColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, domain, local) DO UPDATE SET sender = excluded.sender, subject = excluded.subject, body = excluded.body,
			charset = excluded.charset, html = excluded.html, hours = excluded.hours, start = excluded.start, stop = excluded.stop`,
		at(a.MailPlace, a.From, a.Subject, a.Body, a.Charset, a.HTML, a.Interval, micros(a.Start), micros(a.Stop))...)
}

func (t *tx) DeleteAutoresponder(p store.MailPlace) error {
	return t.q.change(t.ctx, `DELETE FROM autoresponder`+atPlace, at(p)...)
}

func (t *tx) Answer(p store.MailPlace, sender string, now, since time.Time) (bool, error) {
	r, err := t.q.exec(t.ctx, `INSERT INTO answered (account_id, domain, local, sender, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, domain, local, sender) DO UPDATE SET at = excluded.at WHERE answered.at <= ?`, at(p, sender, micros(now), micros(since))...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

func (t *tx) ForgetAnswers(now time.Time) error {
	return t.run(`DELETE FROM answered WHERE at <= ? - 3600000000 * coalesce((SELECT hours FROM autoresponder AS a
		WHERE a.account_id = answered.account_id AND a.domain = answered.domain AND a.local = answered.local), 0)`, micros(now))
}

func scanFilters(s scanner) (f store.Filters, err error) {
	var body []byte
	if err = s.Scan(&f.Account, &f.Domain, &f.Local, &body); err == nil {
		err = json.Unmarshal(body, &f.List)
	}
	return f, err
}

const selectFilters = `SELECT account_id, domain, local, body FROM mail_filter`

func (r *reader) Filters(p store.MailPlace) ([]mailrule.Filter, error) {
	f, err := found(r, scanFilters, selectFilters+atPlace, at(p)...)
	if err == store.ErrNotFound {
		err = nil
	}
	return f.List, err
}

func (r *reader) AllFilters(account latchkey.AccountID) ([]store.Filters, error) {
	return all(r.ctx, r.q, scanFilters, selectFilters+` WHERE account_id = ? ORDER BY domain, local`, int64(account))
}

func (t *tx) PutFilters(f store.Filters) error {
	if len(f.List) == 0 {
		return t.run(`DELETE FROM mail_filter`+atPlace, at(f.MailPlace)...)
	}
	body, err := json.Marshal(f.List)
	if err != nil {
		return err
	}
	return t.run(`INSERT INTO mail_filter (account_id, domain, local, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, domain, local) DO UPDATE SET body = excluded.body`, at(f.MailPlace, string(body))...)
}
