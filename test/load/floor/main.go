// Command floor answers every request over TLS with the same body, by net/http as
// it comes: what a call costs that does nothing at all. Package load compares
// the server with it. It is a program of its own so that it is as bare at its
// start as in its answers.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func serve() error {
	listen := flag.String("listen", "127.0.0.1:0", "the address to listen on, of this machine alone")
	cert := flag.String("cert", "", "file of the certificate")
	key := flag.String("key", "", "file of its key")
	body := flag.String("body", "", "the answer")
	flag.Parse()
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	answer := []byte(*body)
	kind := []string{"application/json"}
	s := &http.Server{
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = kind
			_, _ = w.Write(answer)
		}),
	}
	fmt.Fprintf(os.Stderr, `{"msg":"ready","account":%q}`+"\n", l.Addr())
	return s.ServeTLS(l, "", "")
}
