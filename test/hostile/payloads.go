// Package hostile says to the server what nobody means well with: every class
// of hostile text in every argument of every function, in every form in which
// arguments come. Start at hostile_test.go.
package hostile

import "strings"

// mark is part of what must not be found in a log.
const mark = "h0stile"

// payloads are hostile texts by their class: shell, path, line, markup, SQL,
// address, number and identity.
var payloads = map[string][]string{
	"shell": {
		";" + mark, "|" + mark, "`" + mark + "`", "$(" + mark + ")", "&&" + mark, "\n" + mark, "';" + mark + ";'", `";` + mark + `;"`,
		"-" + mark, "--config=/etc/" + mark, "${IFS}" + mark, "../../bin/sh -c " + mark,
	},
	"path": {
		"../" + mark, "..%2f" + mark, "%2e%2e/" + mark, ".%00./" + mark, "....//" + mark, "/etc/" + mark, "~root/" + mark, "./.", "..", "/proc/self/root/" + mark,
		strings.Repeat("a/", 2048) + mark, "\xff\xfe" + mark, "e\u0301" + mark, "C:\\" + mark, "\\\\" + mark + "\\share", "file:///" + mark,
	},
	"line": {
		"\r" + mark, "\n" + mark, "\r\n" + mark, "x\x00" + mark, "\x0b" + mark, "\u0085" + mark, "\u2028" + mark, mark + "\\", ";{}\"#" + mark,
		"$INCLUDE " + mark, "$GENERATE 1-9 " + mark, mark + ":x:0:0::/:", "a,b," + mark, "|" + mark + " x", ":include:/" + mark, strings.Repeat("t", 256) + mark,
		strings.Repeat("t", 4096) + mark, "user:" + mark + "@\nhasroot=1", "\r\nSet-Cookie: " + mark + "=1", "\x1b[31m" + mark, "\x7f" + mark, "\u202e" + mark,
	},
	"markup": {
		"<script>" + mark + "</script>", `"><img src=x onerror=` + mark + `>`, "{{" + mark + "}}", "javascript:" + mark, "]]>" + mark, "<!--" + mark, "&" + mark + ";",
		`{"a":"` + mark + `"}`, `[["` + mark + `"]]`, "<!DOCTYPE x [<!ENTITY " + mark + ` SYSTEM "file:///etc/passwd">]>`,
	},
	"sql": {
		"'; DROP TABLE account; --" + mark, "\" OR \"" + mark + "\"=\"", "` " + mark, "%_" + mark, "1) UNION SELECT '" + mark + "'", "\\'" + mark, "x' || '" + mark,
	},
	"address": {
		"http://127.0.0.1/" + mark, "http://2130706433/" + mark, "http://0x7f.1/" + mark, "http://[::1]/" + mark, "http://0177.0.0.1/" + mark, "http://127.1/" + mark,
		"http://169.254.169.254/" + mark, "http://[::]/" + mark, "//" + mark + ".example/", "gopher://127.0.0.1/" + mark, "::ffff:127.0.0.1", "0.0.0.0/0", "fe80::1%25eth0",
	},
	"number": {
		"-1", "0", "2147483648", "-2147483649", "9223372036854775808", "18446744073709551616", "1e309", "NaN", "Infinity", "unlimited", "", "0x10", "1.5", "٣", "1_000",
		"+1", " 1", strings.Repeat("9", 400),
	},
	"identity": {
		"root", "other.example", "sub.other.example", "example", "com", "example.test.", "EXAMPLE.TEST", "exаmple.test", "victims", "victi", "victim_", "alice@other.example",
		"alice@example.test@other.example", "@example.test", "xn--a", "*.example.test", "alice+x", "nobody", "default", "disabled", "..example.test", "a" + strings.Repeat(".a", 126),
	},
}

// smuggled are requests of which two readers may read two. The second is one
// that nobody sent: no answer to it may come.
var smuggled = []string{
	"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
	"Content-Length: +5\r\n\r\n",
	"Content-Length: 5, 5\r\n\r\n",
	"Content-Length: 0x5\r\n\r\n",
	"Content-Length : 5\r\n\r\n",
	"Transfer-Encoding: xchunked\r\n\r\n",
	"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"X: y\r\n folded: z\r\n\r\n",
	"X: y\rContent-Length: 9\r\n\r\n",
	"X: y\nContent-Length: 9\r\n\r\n",
	"X\x00: y\r\n\r\n",
	": y\r\n\r\n",
	"Content-Length: -1\r\n\r\n",
	"Content-Length: 99999999999999999999\r\n\r\n",
	"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
	"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
	"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
}
