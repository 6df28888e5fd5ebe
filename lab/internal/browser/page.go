package browser

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// Page is a page that stays open, in the time of the clock, to be asked and typed at. Close it. Safe for concurrent use.
type Page struct {
	cmd     *exec.Cmd
	profile string
	session string
	in      io.WriteCloser
	done    chan struct{} // closed when the browser says nothing more
	closing sync.Once

	mu         sync.Mutex
	last       int                   // the number of the last question
	waiting    map[int]chan<- answer // by the number of the question
	complaints []string
}

// closeWithin is how long a browser may take to end: its processes write to the profile until then.
const closeWithin = 10 * time.Second

// answer is what the browser says: to a question, or of something that happened.
type answer struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Open opens a page. Below 500 pixels of width, which is the least that a window can have, it is shown as on a phone. The scripts run in
// the page before its own. The browser ends with ctx.
func Open(ctx context.Context, url string, v View, scripts ...string) (*Page, error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, ErrNone
	}
	p := &Page{done: make(chan struct{}), waiting: make(map[int]chan<- answer)}
	if p.profile, err = os.MkdirTemp("", "browser-"); err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	if err := p.start(ctx, program, v); err != nil {
		os.RemoveAll(p.profile)
		return nil, fmt.Errorf("browser: %w", err)
	}
	if err := p.show(url, v, scripts); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// start starts the browser. It reads questions from its file 3 and writes answers to its file 4, a zero byte behind each.
func (p *Page) start(ctx context.Context, program string, v View) error {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer theirOut.Close()
	p.in = in
	p.cmd = exec.CommandContext(ctx, program, append(v.flags(p.profile), "--remote-debugging-pipe", "about:blank")...)
	p.cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	p.cmd.Env = environment(p.profile)
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return err
	}
	go p.listen(out) // until the browser has ended
	return nil
}

// Close ends the browser.
func (p *Page) Close() { p.closing.Do(p.end) }

func (p *Page) end() {
	kill := time.AfterFunc(closeWithin, func() { p.cmd.Process.Kill() }) // also one that does not answer
	_ = p.do("Browser.close", nil)                                       // or it has ended
	p.in.Close()
	_ = p.cmd.Wait() // an error says that it was killed
	kill.Stop()
	<-p.done
	remove(p.profile)
}

func (p *Page) listen(out io.ReadCloser) {
	defer close(p.done)
	defer out.Close()
	for reader := bufio.NewReader(out); ; {
		text, err := reader.ReadBytes(0)
		if err != nil {
			return
		}
		var a answer
		if json.Unmarshal(text[:len(text)-1], &a) == nil {
			p.take(a)
		}
	}
}

// take hands an answer to whoever waits for it, and notes what the page's console says.
func (p *Page) take(a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to := p.waiting[a.ID]; to != nil {
		delete(p.waiting, a.ID)
		to <- a
		return
	}
	if slices.Contains([]string{"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}, a.Method) {
		p.complaints = append(p.complaints, a.Method+": "+string(a.Params))
	}
}

// ask asks the browser something and reads the answer into result.
func (p *Page) ask(method string, params map[string]any, result any) error {
	answers := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = answers
	question, err := json.Marshal(struct {
		ID      int            `json:"id"`
		Session string         `json:"sessionId,omitempty"`
		Method  string         `json:"method"`
		Params  map[string]any `json:"params,omitempty"`
	}{id, p.session, method, params})
	if err == nil {
		_, err = p.in.Write(append(question, 0))
	}
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	select {
	case a := <-answers:
		if a.Error != nil {
			return fmt.Errorf("browser: %s: %s", method, a.Error.Message)
		}
		return json.Unmarshal(a.Result, result)
	case <-p.done:
		return fmt.Errorf("browser: %s: it has ended", method)
	case <-time.After(limit):
		return fmt.Errorf("browser: %s: no answer within %v", method, limit)
	}
}

// do is ask without an answer.
func (p *Page) do(method string, params map[string]any) error {
	return p.ask(method, params, new(struct{}))
}

// show opens the page in a tab of its own.
func (p *Page) show(url string, v View, scripts []string) error {
	var target struct{ TargetID string }
	if err := p.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var session struct{ SessionID string }
	if err := p.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session); err != nil {
		return err
	}
	p.session = session.SessionID
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	width := cmp.Or(v.Width, 1400)
	err := errors.Join(p.do("Page.enable", nil), p.do("Runtime.enable", nil), p.do("Log.enable", nil),
		p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": cmp.Or(v.Height, 1000), "deviceScaleFactor": 1, "mobile": width < 500}),
		p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}))
	for _, s := range scripts {
		err = errors.Join(err, p.do("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": s}))
	}
	return errors.Join(err, p.do("Page.navigate", map[string]any{"url": url}))
}

// Eval evaluates an expression in the page, waits if it is a promise, and reads what it is, as JSON, into v.
func (p *Page) Eval(expression string, v any) error {
	var found struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	if err := p.ask("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &found); err != nil {
		return err
	}
	if found.ExceptionDetails != nil {
		return fmt.Errorf("browser: %s: %s", expression, found.ExceptionDetails)
	}
	if found.Result.Value == nil {
		return fmt.Errorf("browser: %s has no value", expression)
	}
	return json.Unmarshal(found.Result.Value, v)
}

// Press presses a key by its name, such as Tab or Enter, and lets it go.
func (p *Page) Press(key string) error {
	down := map[string]any{"type": "keyDown", "key": key}
	up := map[string]any{"type": "keyUp", "key": key}
	code, text := 0, key
	switch key {
	case "Tab":
		code, text = 9, ""
	case "Enter":
		code, text = 13, "\r"
	case " ":
		code = 32
	}
	if code != 0 {
		down["windowsVirtualKeyCode"], up["windowsVirtualKeyCode"] = code, code
	}
	if text != "" {
		down["text"] = text
	}
	return errors.Join(p.do("Input.dispatchKeyEvent", down), p.do("Input.dispatchKeyEvent", up))
}

// Picture saves a PNG of the page, all of it.
func (p *Page) Picture(file string) error {
	var whole struct{ Width, Height int }
	if err := p.Eval(`({width: innerWidth, height: document.documentElement.scrollHeight})`, &whole); err != nil {
		return err
	}
	clip := map[string]any{"x": 0, "y": 0, "width": whole.Width, "height": whole.Height, "scale": 1}
	var picture struct{ Data string }
	if err := p.ask("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}, &picture); err != nil {
		return err
	}
	content, err := base64.StdEncoding.DecodeString(picture.Data)
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	return os.WriteFile(file, content, 0o644)
}

// Complaints returns what the browser's console has said of the page so far.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}
