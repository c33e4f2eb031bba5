package warehouse

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Validity that the source announces for its session and master tokens.
const (
	sessionSeconds = 3600
	masterSeconds  = 4 * 3600
)

// session is one login. The maps of sessions guard its tokens.
type session struct {
	id            int64
	token, master string
	// warehouse is the one that the client named at login, as it spelled it.
	warehouse  string
	parameters map[string]any
}

// queryTag is the session's own tag, for statements that bring none.
func (s *session) queryTag() string {
	tag, _ := s.parameters["QUERY_TAG"].(string)
	return tag
}

type sessions struct {
	mu       sync.Mutex
	next     int64
	byToken  map[string]*session
	byMaster map[string]*session
}

func newSessions() *sessions {
	return &sessions{byToken: map[string]*session{}, byMaster: map[string]*session{}}
}

func (s *sessions) add(warehouse string, parameters map[string]any) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	added := &session{id: s.next, token: rand.Text(), master: rand.Text(), warehouse: warehouse, parameters: parameters}
	s.byToken[added.token], s.byMaster[added.master] = added, added
	return added
}

func (s *sessions) find(token string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byToken[token]
}

// renew gives the session of a master token new tokens. The old session token stops working.
func (s *sessions) renew(master string) (renewed session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byMaster[master]
	if found == nil {
		return session{}, false
	}
	delete(s.byToken, found.token)
	found.token = rand.Text()
	s.byToken[found.token] = found
	return *found, true
}

func (s *sessions) remove(gone *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byToken, gone.token)
	delete(s.byMaster, gone.master)
}

// authenticated passes requests that carry a live session token on, and refuses the others.
func (s *Server) authenticated(next func(http.ResponseWriter, *http.Request, *session)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		found := s.sessions.find(token(r))
		if found == nil {
			refuse(w, &sqlError{Code: codeBadToken, State: "08001", Message: "ID token is invalid: log in again."}, "")
			return
		}
		next(w, r, found)
	}
}

func token(r *http.Request) string {
	quoted, _ := strings.CutPrefix(r.Header.Get("Authorization"), `Snowflake Token=`)
	return strings.Trim(quoted, `"`)
}

type loginRequest struct {
	Data struct {
		Account    string         `json:"ACCOUNT_NAME"`
		User       string         `json:"LOGIN_NAME"`
		Password   string         `json:"PASSWORD"`
		Parameters map[string]any `json:"SESSION_PARAMETERS"`
	} `json:"data"`
}

type parameter struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var request loginRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "malformed login", http.StatusBadRequest)
		return
	}
	d := request.Data
	database := r.URL.Query().Get("databaseName")
	known := strings.EqualFold(d.Account, s.cfg.Account) && strings.EqualFold(d.User, s.cfg.User) &&
		(database == "" || strings.EqualFold(database, s.cfg.Database))
	if !known || d.Password != s.cfg.Password {
		refuse(w, &sqlError{Code: codeBadLogin, State: "08001", Message: "Incorrect username or password was specified."}, "")
		return
	}
	added := s.sessions.add(r.URL.Query().Get("warehouse"), sessionParameters(d.Parameters))
	answer(w, map[string]any{
		"token": added.token, "masterToken": added.master, "sessionId": added.id,
		"validityInSeconds": sessionSeconds, "masterValidityInSeconds": masterSeconds, "serverVersion": "local",
		"parameters":  parameters(added),
		"sessionInfo": map[string]string{"databaseName": s.cfg.Database, "schemaName": "ANALYTICS", "warehouseName": added.warehouse},
	})
}

// sessionParameters lays the client's parameters over the account's. The account's zone is not UTC,
// as on real accounts, so that a client that forgets to ask for UTC is found out.
func sessionParameters(asked map[string]any) map[string]any {
	all := map[string]any{"TIMEZONE": "America/Los_Angeles", "CLIENT_TELEMETRY_ENABLED": false}
	for name, value := range asked {
		all[strings.ToUpper(name)] = value
	}
	return all
}

func parameters(s *session) []parameter {
	all := make([]parameter, 0, len(s.parameters))
	for _, name := range slices.Sorted(maps.Keys(s.parameters)) {
		all = append(all, parameter{Name: name, Value: s.parameters[name]})
	}
	return all
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	renewed, ok := s.sessions.renew(token(r))
	if !ok {
		refuse(w, &sqlError{Code: codeMasterExpired, State: "08001", Message: "Authentication token has expired. Log in again."}, "")
		return
	}
	answer(w, map[string]any{
		"sessionToken": renewed.token, "masterToken": renewed.master, "sessionId": renewed.id,
		"validityInSecondsST": sessionSeconds, "validityInSecondsMT": masterSeconds,
	})
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, gone *session) {
	if r.URL.Query().Get("delete") != "true" {
		http.Error(w, fmt.Sprintf("unknown session request %q", r.URL.RawQuery), http.StatusBadRequest)
		return
	}
	s.sessions.remove(gone)
	answer(w, nil)
}
