// Package sitestest holds what every web server that serves the sites must pass.
package sitestest

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Swap exchanges the certificate of a site 50 times by install while others ask
// for url, on connections that stand and on new ones, with HTTP/1.1 and HTTP/2.
// None of at least 5,000 requests fails, and each gets page. A client trusts the
// certificates that install makes, and has a transport of its own.
func Swap(t *testing.T, url, page string, client func() *http.Client, install func()) {
	const swaps, least = 50, 5000
	var requests, failed atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		c := client()
		tr := c.Transport.(*http.Transport)
		tr.DisableKeepAlives, tr.ForceAttemptHTTP2 = i%2 == 1, i%4 < 2
		wg.Go(func() {
			for !done.Load() {
				requests.Add(1)
				if err := gets(c, url, page); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
			}
		})
	}
	for n := int64(1); (n <= swaps || requests.Load() < least) && failed.Load() == 0; n++ {
		for requests.Load() < n*least/swaps && failed.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if n <= swaps {
			install()
		}
	}
	done.Store(true)
	wg.Wait()
	if n := requests.Load(); n < least || failed.Load() > 0 {
		t.Errorf("%d of %d requests failed over %d certificates", failed.Load(), n, swaps)
	}
	t.Logf("%d requests, %d failed, %d certificates", requests.Load(), failed.Load(), swaps)
}

func gets(c *http.Client, url, page string) error {
	res, err := c.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || string(body) != page {
		return fmt.Errorf("%s is answered with %d %q", url, res.StatusCode, body)
	}
	return nil
}
