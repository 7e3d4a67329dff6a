package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets all:templates locales
var files embed.FS

// assetPath is what stands in front of the assets' addresses. They need no
// session: they are the same for everybody.
const assetPath = "/assets/"

// assets are what pages load. Their addresses change with what they hold, so that
// browsers may keep them.
type assets struct {
	byAddress map[string]*asset
	byName    map[string]*asset
}

type asset struct {
	address      string
	sum          string // what it holds, as a validator
	kind         string
	body, packed []byte
}

func newAssets() *assets {
	a := &assets{byAddress: make(map[string]*asset), byName: make(map[string]*asset)}
	for _, name := range []string{"pico.css", "app.css", "htmx.js", "app.js", "icon.svg"} {
		body, err := files.ReadFile("assets/" + name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		x := &asset{body: body, kind: mime.TypeByExtension(ext)}
		x.sum = hex.EncodeToString(sum[:6])
		x.address = strings.TrimSuffix(name, ext) + "." + x.sum + ext
		switch ext { // whatever the machine's own list says
		case ".js":
			x.kind = "text/javascript; charset=utf-8"
		case ".css":
			x.kind = "text/css; charset=utf-8"
		case ".svg":
			x.kind = "image/svg+xml"
		}
		x.packed = pack(body)
		a.byAddress[x.address], a.byName[name] = x, x
	}
	return a
}

func pack(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // memory takes everything
	}
	return b.Bytes()
}

// link is the address of the asset called name.
func (a *assets) link(name string) string { return assetPath + a.byName[name].address }

// serve answers for an asset. Nothing of a visitor stands in one, so that it may
// be packed.
func (a *assets) serve(w http.ResponseWriter, r *http.Request, address string) {
	x := a.byAddress[address]
	if x == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		plain(w, http.StatusNotFound, "There is nothing here.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", x.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body, tag := x.body, `"`+x.sum+`"`
	if packs(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, tag = x.packed, `"`+x.sum+`-gzip"`
	}
	h.Set("ETag", tag)
	if held(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// packs reports whether a browser takes what is packed by gzip.
func packs(said []string) bool {
	for _, text := range said {
		for one := range strings.SplitSeq(text, ",") {
			name, params, _ := strings.Cut(strings.ToLower(one), ";")
			if name = strings.TrimSpace(name); name == "gzip" || name == "*" {
				value, given := strings.CutPrefix(strings.TrimSpace(params), "q=")
				q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				return !given || err == nil && q > 0
			}
		}
	}
	return false
}

// held reports whether a browser holds what has the validator tag already.
func held(said []string, tag string) bool {
	for _, text := range said {
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}
