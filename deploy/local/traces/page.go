package traces

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// listed is how many traces the list shows.
const listed = 200

//go:embed page.html page.css
var assets embed.FS

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"span": humanDuration,
	"time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"css":  func() (template.CSS, error) { b, err := assets.ReadFile("page.css"); return template.CSS(b), err },
}).ParseFS(assets, "page.html"))

func (s *Store) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /trace/{id}", s.show)
	return mux
}

// listPage is what the list template reads.
type listPage struct {
	Customer, Date, Run string
	OnlyErrors, All     bool
	Traces              []summary
	Found, Hidden       int // traces that fit; traces without a run that are not shown
}

func (s *Store) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := &listPage{
		Customer: q.Get("customer"), Date: q.Get("date"), Run: q.Get("run"),
		OnlyErrors: q.Get("error") == "1", All: q.Get("all") == "1",
	}
	page.Traces = s.memory.list(page.fits)
	page.Found = len(page.Traces)
	page.Traces = page.Traces[:min(page.Found, listed)]
	s.render(w, r, http.StatusOK, "list", page)
}

// fits says whether a trace is shown. Planner ticks and operators' calls have
// traces of their own, which would crowd out the runs.
func (p *listPage) fits(t summary) bool {
	fits := (p.Customer == "" || t.Customer == p.Customer) && (p.Date == "" || t.Date == p.Date) &&
		(p.Run == "" || t.Run == p.Run) && (!p.OnlyErrors || t.Errors > 0)
	if fits && t.Run == "" && !p.All {
		p.Hidden++
		return false
	}
	return fits
}

// tracePage is what the trace template reads.
type tracePage struct {
	summary
	Rows     []row
	Services []row // one for each service
	Ticks    []tick
}

type tick struct {
	Left  float64
	Label string
}

func (s *Store) show(w http.ResponseWriter, r *http.Request) {
	id, asJSON := strings.CutSuffix(r.PathValue("id"), ".json")
	known, spans := s.memory.summary(id), s.Trace(id)
	switch {
	case len(spans) == 0:
		s.render(w, r, http.StatusNotFound, "missing", id)
	case asJSON:
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(spans); err != nil {
			s.logger.DebugContext(r.Context(), "reader went away", "error", err)
		}
	default:
		s.render(w, r, http.StatusOK, "trace", newTracePage(known, spans))
	}
}

func newTracePage(known summary, spans []Span) tracePage {
	page := tracePage{summary: known, Rows: waterfall(spans, known.Start, known.End)}
	seen := map[string]bool{}
	for _, r := range page.Rows {
		if !seen[r.Service] {
			seen[r.Service] = true
			page.Services = append(page.Services, r)
		}
	}
	for i := range 5 {
		at := time.Duration(i) * known.Duration() / 4
		page.Ticks = append(page.Ticks, tick{Left: float64(i) * 25, Label: humanDuration(at)})
	}
	return page
}

// render answers with a page that loads nothing and runs nothing.
func (s *Store) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, name, data); err != nil {
		s.logger.ErrorContext(r.Context(), "page cannot be rendered", "page", name, "error", err)
		http.Error(w, "the page cannot be rendered; see the log", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(text.Bytes()); err != nil {
		s.logger.DebugContext(r.Context(), "reader went away", "error", err)
	}
}

// humanDuration has three digits at most: 812 µs, 14.2 ms, 3.05 s, 2 m 10 s.
func humanDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		// 999.9 would else be written 1e+03.
		return fmt.Sprintf("%.3g ms", min(float64(d)/float64(time.Millisecond), 999))
	case d < time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d m %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d m", int(d.Hours()), int(d.Minutes())%60)
}
