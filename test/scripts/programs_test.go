package scripts

import (
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// call USER:SECRET PATH [CURL OPTION…] asks the sandbox with curl, and prints
// the answer and its status. The administrator's port is asked as root, and the
// header says what kind of token it is; - for USER:SECRET sends none.
func call() {
	kind, base := "cpanel", os.Getenv("LATCHKEY_URL")
	if strings.HasPrefix(os.Args[1], "root:") {
		kind, base = "whm", os.Getenv("LATCHKEY_WHM_URL")
	}
	args := []string{"-sS", "--max-time", "20", "--cacert", os.Getenv("LATCHKEY_CA"), "-w", `\nHTTP %{http_code}\n`, base + os.Args[2]}
	if os.Args[1] != "-" {
		args = append(args, "-H", "Authorization: "+kind+" "+os.Args[1])
	}
	cmd := exec.Command("curl", append(args, os.Args[3:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	exit(cmd.Run())
}

// deliver ADDRESS… gives the message on standard input to the sandbox over LMTP,
// and prints the answer for each recipient.
func deliver() {
	message, err := io.ReadAll(os.Stdin)
	exitIf(err)
	c, err := textproto.Dial("tcp", os.Getenv("LATCHKEY_LMTP"))
	exitIf(err)
	_, _, err = c.ReadResponse(220)
	exitIf(err)
	say(c, 250, "LHLO script.example.org")
	say(c, 250, "MAIL FROM:<sender@example.org>")
	taken := 0
	for _, to := range os.Args[1:] {
		exitIf(c.PrintfLine("RCPT TO:<%s>", to))
		code, text, err := c.ReadResponse(250)
		if err != nil {
			fmt.Println(to, code, text)
			continue
		}
		taken++
	}
	if taken > 0 {
		say(c, 354, "DATA")
		w := c.DotWriter()
		_, err = w.Write(message)
		exitIf(err)
		exitIf(w.Close())
		for range taken {
			code, text, _ := c.ReadResponse(250)
			fmt.Println(code, text)
		}
	}
	say(c, 221, "QUIT")
}

func say(c *textproto.Conn, code int, line string) {
	exitIf(c.PrintfLine("%s", line))
	_, _, err := c.ReadResponse(code)
	exitIf(err)
}

// hold prints the environment it was given and waits for its end, or for that of
// whoever started it: a test run that is killed leaves nothing behind.
func hold() {
	done := make(chan os.Signal, 1)
	signal.Notify(done, syscall.SIGTERM)
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "LATCHKEY_") {
			fmt.Println(kv)
		}
	}
	fmt.Println("holding")
	parent := os.Getppid()
	for os.Getppid() == parent {
		select {
		case <-done:
			return
		case <-time.After(time.Second):
		}
	}
}

func exitIf(err error) {
	if err != nil {
		exit(err)
	}
}

func exit(err error) {
	if e, ok := err.(*exec.ExitError); ok {
		os.Exit(e.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
