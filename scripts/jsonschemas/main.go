// jsonschemas turns what is published of Kubernetes' kinds into the JSON Schemas that kubeconform reads.
//
//	jsonschemas SWAGGER DEFINITIONS INTO
//
// SWAGGER is api/openapi-spec/swagger.json of Kubernetes' repository, DEFINITIONS a directory with
// custom resource definitions. Each kind becomes INTO/GROUP/KIND_VERSION.json in lower case, where
// GROUP is v1 for the core group, as kubeconform writes it. Objects are closed: a field that the
// schema does not name is an error, as it is for an API server that validates strictly.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

type object = map[string]any

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: jsonschemas SWAGGER DEFINITIONS INTO")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "jsonschemas:", err)
		os.Exit(1)
	}
}

func run(swagger, definitions, into string) error {
	bytes, err := os.ReadFile(swagger)
	if err != nil {
		return err
	}
	var spec struct{ Definitions map[string]object }
	if err := json.Unmarshal(bytes, &spec); err != nil {
		return fmt.Errorf("%s: %w", swagger, err)
	}
	out := writer{into: into, types: closedTypes(spec.Definitions)}
	for _, name := range slices.Sorted(maps.Keys(spec.Definitions)) {
		if err := out.builtIn(name, spec.Definitions[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(definitions, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no definitions in %s", definitions)
	}
	for _, file := range files {
		if err := out.custom(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// quantity is what resource.ParseQuantity takes; the same pattern stands in generated definitions.
const quantity = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`

// special holds the types whose JSON is not what the specification says of them.
var special = map[string]object{
	"io.k8s.apimachinery.pkg.api.resource.Quantity": {"anyOf": []any{
		object{"type": "string", "pattern": quantity}, object{"type": "number"},
	}},
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": []any{"integer", "string"}},
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time":       {"type": []any{"string", "null"}, "format": "date-time"},
}

// closedTypes are the built-in types under their names, closed.
func closedTypes(definitions map[string]object) map[string]object {
	types := map[string]object{}
	for name, definition := range definitions {
		if known, ok := special[name]; ok {
			types[name] = known
		} else {
			types[name] = schema(definition, true)
		}
	}
	return types
}

// kept are the keywords that are the same in OpenAPI and JSON Schema, and say something about a value.
var kept = []string{
	"$ref", "type", "format", "pattern", "enum", "required", "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
	"minProperties", "maxProperties", "multipleOf",
}

// schema is an OpenAPI schema as JSON Schema. With closing it takes no field it does not name; parts
// of allOf, anyOf, oneOf and not say something about fields that stand elsewhere, and stay open.
func schema(from object, closing bool) object {
	to := object{}
	for _, keyword := range kept {
		if value, ok := from[keyword]; ok {
			to[keyword] = value
		}
	}
	if from["x-kubernetes-int-or-string"] == true {
		to["type"] = []any{"integer", "string"}
	}
	if properties, ok := from["properties"].(object); ok {
		to["properties"] = each(properties, closing)
		open := from["x-kubernetes-preserve-unknown-fields"] == true || from["x-kubernetes-embedded-resource"] == true
		if closing && !open {
			to["additionalProperties"] = false
		}
	}
	switch more := from["additionalProperties"].(type) {
	case object:
		to["additionalProperties"] = schema(more, closing)
	case bool:
		to["additionalProperties"] = more
	}
	if items, ok := from["items"].(object); ok {
		to["items"] = schema(items, closing)
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		if list, ok := from[keyword].([]any); ok {
			parts := make([]any, 0, len(list))
			for _, part := range list {
				parts = append(parts, schema(part.(object), false))
			}
			to[keyword] = parts
		}
	}
	if not, ok := from["not"].(object); ok {
		to["not"] = schema(not, false)
	}
	if from["nullable"] == true {
		return object{"anyOf": []any{to, object{"type": "null"}}}
	}
	return to
}

func each(properties object, closing bool) object {
	all := object{}
	for name, property := range properties {
		all[name] = schema(property.(object), closing)
	}
	return all
}

// writer writes schemas, each with the types it refers to.
type writer struct {
	into  string
	types map[string]object
}

// builtIn writes a type of Kubernetes if it is that of whole objects.
func (out writer) builtIn(name string, definition object) error {
	properties, _ := definition["properties"].(object)
	kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
	if properties["metadata"] == nil {
		return nil
	}
	for _, kind := range kinds {
		text := func(key string) string { return kind.(object)[key].(string) }
		if err := out.write(text("group"), text("version"), text("kind"), out.types[name]); err != nil {
			return err
		}
	}
	return nil
}

// custom writes the versions of a custom resource definition that are served.
func (out writer) custom(file string) error {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var definition struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Served bool
				Schema struct{ OpenAPIV3Schema object }
			}
		}
	}
	if err := yaml.Unmarshal(bytes, &definition); err != nil {
		return err
	}
	if len(definition.Spec.Versions) == 0 {
		return fmt.Errorf("no versions")
	}
	for _, version := range definition.Spec.Versions {
		if !version.Served {
			continue
		}
		own := schema(version.Schema.OpenAPIV3Schema, true)
		properties, ok := own["properties"].(object)
		if !ok {
			return fmt.Errorf("%s: no schema", version.Name)
		}
		properties["metadata"] = object{"$ref": prefix + "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
		if err := out.write(definition.Spec.Group, version.Name, definition.Spec.Names.Kind, own); err != nil {
			return err
		}
	}
	return nil
}

const prefix = "#/definitions/"

func (out writer) write(group, version, kind string, own object) error {
	apiVersion := version
	folder := version
	if group != "" {
		apiVersion = group + "/" + version
		folder = group
	}
	own = maps.Clone(own)
	properties := maps.Clone(own["properties"].(object))
	properties["apiVersion"] = object{"enum": []any{apiVersion}}
	properties["kind"] = object{"enum": []any{kind}}
	own["properties"] = properties
	required := []any{"apiVersion", "kind", "metadata"}
	if more, ok := own["required"].([]any); ok {
		for _, name := range more {
			if !slices.Contains(required, name) {
				required = append(required, name)
			}
		}
	}
	own["required"] = required

	types := object{}
	if err := out.collect(own, types); err != nil {
		return err
	}
	own["definitions"] = types
	bytes, err := json.Marshal(own)
	if err != nil {
		return err
	}
	folder = filepath.Join(out.into, folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file := strings.ToLower(kind) + "_" + version + ".json"
	return os.WriteFile(filepath.Join(folder, file), bytes, 0o644)
}

// collect adds the types that a value refers to, and those they refer to.
func (out writer) collect(value any, types object) error {
	switch value := value.(type) {
	case object:
		if reference, ok := value["$ref"].(string); ok {
			name := strings.TrimPrefix(reference, prefix)
			known, there := out.types[name]
			if !there {
				return fmt.Errorf("no type %s", name)
			}
			if types[name] != nil {
				return nil
			}
			types[name] = known
			return out.collect(known, types)
		}
		for _, member := range value {
			if err := out.collect(member, types); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range value {
			if err := out.collect(item, types); err != nil {
				return err
			}
		}
	}
	return nil
}
