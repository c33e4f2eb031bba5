package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// configs are the files the embedded services are given. A service started by
// hand as its own process can be given the very same file.
var configs = template.Must(template.New("configs").Parse(`
{{define "common"}}nats: {url: "nats://127.0.0.1:{{.Ports.NATS}}"}
telemetry: {otlp_endpoint: "127.0.0.1:{{.Ports.OTLP}}", log_level: {{.LogLevel}}, log_format: json}
{{end}}
{{define "config"}}listen: 127.0.0.1:{{.Ports.Config}}
extractor_address: 127.0.0.1:{{.Ports.Extractor}}
delivery_address: 127.0.0.1:{{.Ports.Delivery}}
{{template "common" .}}{{end}}
{{define "planner"}}listen: 127.0.0.1:{{.Ports.Planner}}
config_address: 127.0.0.1:{{.Ports.Config}}
extractor_address: 127.0.0.1:{{.Ports.Extractor}}
tick: {{.Tick}}
{{with .PartTargetRows}}part_target_rows: {{.}}
{{end}}{{template "common" .}}{{end}}
{{define "extractor"}}listen: 127.0.0.1:{{.Ports.Extractor}}
config_address: 127.0.0.1:{{.Ports.Config}}
planner_address: 127.0.0.1:{{.Ports.Planner}}
delivery_address: 127.0.0.1:{{.Ports.Delivery}}
concurrency: {{.Concurrency}}
ack_wait: {{.AckWait}}
{{with .RunCheck}}run_check: {{.}}
{{end}}{{with .MaxAttempts}}max_attempts: {{.}}
{{end}}source:
  protocol: http
  host: 127.0.0.1
  port: {{.Ports.Warehouse}}
  account: LOCAL
  user: EXPORTER
  password_file: {{.Secrets}}/source_password
  database: EXPORTS
  schema: ANALYTICS
  warehouse: EXPORT_WH
  stall_timeout: {{.StallTimeout}}
{{template "common" .}}{{end}}
{{define "delivery"}}listen: 127.0.0.1:{{.Ports.Delivery}}
config_address: 127.0.0.1:{{.Ports.Config}}
planner_address: 127.0.0.1:{{.Ports.Planner}}
s3:
  access_key_file: {{.Secrets}}/writer_key
  secret_key_file: {{.Secrets}}/writer_secret
  sts_endpoint: "http://127.0.0.1:{{.Ports.S3}}"
{{template "common" .}}{{end}}
{{define "slamonitor"}}listen: 127.0.0.1:{{.Ports.Monitor}}
config_address: 127.0.0.1:{{.Ports.Config}}
tick: {{.Tick}}
s3:
  access_key_file: {{.Secrets}}/reader_key
  secret_key_file: {{.Secrets}}/reader_secret
  sts_endpoint: "http://127.0.0.1:{{.Ports.S3}}"
{{template "common" .}}{{end}}
`))

type configValues struct {
	Settings
	Ports   Ports
	Secrets string
}

// ConfigPath is where a service's config file lies.
func (s *Stack) ConfigPath(service string) string {
	return filepath.Join(s.Dir, "config", service+".yaml")
}

func (s *Stack) writeConfig(service string) (string, error) {
	var text strings.Builder
	values := configValues{Settings: s.cfg.Settings.withDefaults(), Ports: s.Ports, Secrets: filepath.Join(s.Dir, "secrets")}
	if err := configs.ExecuteTemplate(&text, service, values); err != nil {
		return "", fmt.Errorf("writing the config of %s: %w", service, err)
	}
	path := s.ConfigPath(service)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", fmt.Errorf("making the folder of configs: %w", err)
	}
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

func (s Settings) withDefaults() Settings {
	s.Tick = orElse(s.Tick, 2*time.Second)
	s.AckWait = orElse(s.AckWait, 15*time.Second)
	s.StallTimeout = orElse(s.StallTimeout, 30*time.Second)
	s.Concurrency = orElse(s.Concurrency, 2)
	s.LogLevel = orElse(s.LogLevel, "warn")
	return s
}

func orElse[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}
