package warehouse

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Codes of the protocol. Numbers that clients react to; the rest surface as errors.
const (
	codeSyntax         = "001003"
	codeInvalidColumn  = "000904"
	codeUnknownObject  = "002003"
	codeTooManyItems   = "001795"
	codeTimeTravel     = "000707"
	codeCanceled       = "000604"
	codeNotRunning     = "000605"
	codeInternal       = "300002"
	codeBadLogin       = "390100"
	codeBadToken       = "390104"
	codeSessionExpired = "390112"
	codeMasterExpired  = "390114"
	codeInProgress     = "333333"
	codeInProgressLong = "333334"
)

// sqlError is an error that the client sees. Like the source it travels in an HTTP 200 answer.
type sqlError struct {
	Code, State, Message string
}

func (e *sqlError) Error() string { return fmt.Sprintf("%s (%s): %s", e.Code, e.State, e.Message) }

func syntaxError(format string, args ...any) *sqlError {
	return &sqlError{Code: codeSyntax, State: "42000", Message: "SQL compilation error: " + fmt.Sprintf(format, args...)}
}

type envelope struct {
	Data    any     `json:"data"`
	Code    *string `json:"code"`
	Message *string `json:"message"`
	Success bool    `json:"success"`
}

// write ignores the error: a client that left cannot be told.
func write(w http.ResponseWriter, e envelope) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(e)
}

func answer(w http.ResponseWriter, data any) { write(w, envelope{Data: data, Success: true}) }

func answerCode(w http.ResponseWriter, code string, data any) {
	write(w, envelope{Data: data, Code: &code, Success: true})
}

func refuse(w http.ResponseWriter, e *sqlError, queryID string) {
	detail := map[string]any{"sqlState": e.State, "queryId": queryID, "errorCode": e.Code}
	write(w, envelope{Data: detail, Code: &e.Code, Message: &e.Message})
}
