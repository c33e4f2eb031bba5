package contract

// document is a contract of the standard: the part of it that we have something to say in, in the standard's order.
type document struct {
	APIVersion  string      `yaml:"apiVersion"`
	Kind        string      `yaml:"kind"`
	ID          string      `yaml:"id"`
	Name        string      `yaml:"name"`
	Version     string      `yaml:"version"`
	Status      string      `yaml:"status"`
	Tenant      string      `yaml:"tenant"`
	DataProduct string      `yaml:"dataProduct"`
	Description description `yaml:"description"`
	Servers     []server    `yaml:"servers"`
	Tables      []table     `yaml:"schema"`
	SLA         []promise   `yaml:"slaProperties"`
	Support     []support   `yaml:"support,omitempty"`
	Custom      []custom    `yaml:"customProperties"`
	Created     string      `yaml:"contractCreatedTs"`
}

type description struct {
	Purpose     string `yaml:"purpose"`
	Limitations string `yaml:"limitations"`
	Usage       string `yaml:"usage"`
}

// server is where the data lies.
type server struct {
	Server    string   `yaml:"server"`
	Type      string   `yaml:"type"`
	Location  string   `yaml:"location"`
	Endpoint  string   `yaml:"endpointUrl,omitempty"`
	Format    string   `yaml:"format"`
	Delimiter string   `yaml:"delimiter,omitempty"`
	Custom    []custom `yaml:"customProperties,omitempty"`
}

type table struct {
	Name         string     `yaml:"name"`
	PhysicalName string     `yaml:"physicalName"`
	PhysicalType string     `yaml:"physicalType"`
	LogicalType  string     `yaml:"logicalType"`
	Description  string     `yaml:"description"`
	Properties   []property `yaml:"properties"`
}

// property is a column.
type property struct {
	Name         string   `yaml:"name"`
	Key          bool     `yaml:"primaryKey,omitempty"`
	KeyPosition  int      `yaml:"primaryKeyPosition,omitempty"`
	LogicalType  string   `yaml:"logicalType"`
	PhysicalType string   `yaml:"physicalType"`
	Required     bool     `yaml:"required"`
	Description  string   `yaml:"description"`
	Custom       []custom `yaml:"customProperties"`
}

// promise is one property of the service level.
type promise struct {
	Property    string `yaml:"property"`
	Value       any    `yaml:"value"`
	Unit        string `yaml:"unit,omitempty"`
	Description string `yaml:"description"`
	Scheduler   string `yaml:"scheduler,omitempty"`
	Schedule    string `yaml:"schedule,omitempty"`
}

type support struct {
	Channel     string `yaml:"channel"`
	URL         string `yaml:"url"`
	Description string `yaml:"description"`
	Tool        string `yaml:"tool"`
	Scope       string `yaml:"scope"`
}

// custom is what the standard has no word for.
type custom struct {
	Property string `yaml:"property"`
	Value    any    `yaml:"value"`
}
