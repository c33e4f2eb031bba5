package snowflake

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"time"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"github.com/customer-exports/exports/pkg/conf"
)

// Config says where the source is, who reads it, and how patient the reader is.
type Config struct {
	// Protocol is https, or http for a local warehouse. Host and Port are derived from Account when empty.
	Protocol string `yaml:"protocol"`
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	Account  string `yaml:"account"`
	User     string `yaml:"user"`
	Role     string `yaml:"role"`
	// Warehouse runs the statements; LargeWarehouse those of exports of the large class. Empty: the
	// user's default, and the standard one.
	Warehouse      string `yaml:"warehouse"`
	LargeWarehouse string `yaml:"large_warehouse"`
	Database       string `yaml:"database"`
	Schema         string `yaml:"schema"`
	// PasswordFile or PrivateKeyFile (unencrypted PKCS #8 PEM) is read anew for every login.
	PasswordFile   conf.Secret `yaml:"password_file"`
	PrivateKeyFile conf.Secret `yaml:"private_key_file"`
	// StallTimeout is how long a chunk, or an answer that has begun, may send nothing; QueryTimeout bounds
	// login and statement together.
	StallTimeout conf.Duration `yaml:"stall_timeout"`
	QueryTimeout conf.Duration `yaml:"query_timeout"`
	// FetchConcurrency is how many chunks are fetched ahead of the one being sent; it bounds memory.
	FetchConcurrency int `yaml:"fetch_concurrency"`
}

// Defaults fills in what has a sensible default.
func (c *Config) Defaults() {
	c.Protocol = "https"
	c.Database, c.Schema = "EXPORTS", "ANALYTICS"
	c.StallTimeout = conf.Duration(30 * time.Second)
	c.QueryTimeout = conf.Duration(30 * time.Minute)
	c.FetchConcurrency = 1
}

// Validate returns every fault at once.
func (c *Config) Validate() error {
	var faults []error
	for name, value := range map[string]string{"account": c.Account, "user": c.User, "database": c.Database, "schema": c.Schema} {
		if value == "" {
			faults = append(faults, fmt.Errorf("source.%s is missing", name))
		}
	}
	if c.Protocol != "https" && c.Protocol != "http" {
		faults = append(faults, fmt.Errorf("source.protocol %q must be https or http", c.Protocol))
	}
	if (c.PasswordFile == "") == (c.PrivateKeyFile == "") {
		faults = append(faults, errors.New("source needs either password_file or private_key_file"))
	}
	if c.StallTimeout <= 0 || c.QueryTimeout <= 0 {
		faults = append(faults, errors.New("source.stall_timeout and source.query_timeout must be positive"))
	}
	if c.FetchConcurrency < 1 || c.FetchConcurrency > 16 {
		faults = append(faults, fmt.Errorf("source.fetch_concurrency %d must be 1 to 16", c.FetchConcurrency))
	}
	return errors.Join(faults...)
}

// lookupWithin bounds a question from login to the last row: somebody waits for the answer.
const lookupWithin = 30 * time.Second

func (c *Config) lookupTimeout() time.Duration { return min(c.QueryTimeout.D(), lookupWithin) }

// loginTimeout bounds how long the driver repeats a login by itself.
const loginTimeout = time.Minute

// driverConfig reads the secret and says everything that the driver has to know of a login that uses
// the warehouse.
func (c *Config) driverConfig(warehouse string) (sf.Config, error) {
	cfg := sf.Config{
		Protocol: c.Protocol, Host: c.Host, Port: c.Port,
		Account: c.Account, User: c.User, Role: c.Role,
		Warehouse: warehouse, Database: c.Database, Schema: c.Schema,
		Params: c.parameters(), DisableQueryContextCache: true,
		LoginTimeout: loginTimeout, //nolint:staticcheck // there is no successor yet; the default is 5 minutes
		// The driver logs to a global logger, statements and server text included.
		Tracing: "off", //nolint:staticcheck // there is no successor yet
	}
	if c.PrivateKeyFile != "" {
		key, err := readKey(c.PrivateKeyFile)
		cfg.Authenticator, cfg.PrivateKey = sf.AuthTypeJwt, key
		return cfg, err
	}
	password, err := c.PasswordFile.Read()
	cfg.Password = password
	if err != nil {
		return sf.Config{}, fmt.Errorf("reading source.password_file: %w", err)
	}
	return cfg, nil
}

// parameters are those of the session. The driver only understands lower-case names.
func (c *Config) parameters() map[string]*string {
	values := map[string]string{
		"timezone":                     "UTC",
		"client_telemetry_enabled":     "false",
		"client_result_chunk_size":     "16",
		"statement_timeout_in_seconds": strconv.Itoa(max(int(c.QueryTimeout.D().Seconds()), 1)),
	}
	parameters := make(map[string]*string, len(values))
	for name, value := range values {
		parameters[name] = &value
	}
	return parameters
}

func readKey(file conf.Secret) (*rsa.PrivateKey, error) {
	text, err := file.Read()
	if err != nil {
		return nil, fmt.Errorf("reading source.private_key_file: %w", err)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("source.private_key_file holds no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("source.private_key_file is not an unencrypted PKCS #8 key")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("source.private_key_file is not an RSA key")
	}
	return key, nil
}
