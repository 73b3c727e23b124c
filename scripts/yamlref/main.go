// Command yamlref says how Helm and kubectl read YAML documents: with sigs.k8s.io/yaml.
//
// It reads one JSON string a line, the text of a document, and writes one JSON object a line:
// {"json": value} or {"err": message}. An empty line makes it write what it has so far.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"sigs.k8s.io/yaml"
)

type reading struct {
	JSON  json.RawMessage `json:"json,omitempty"`
	Error string          `json:"err,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	answers := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 1 {
			var document string
			if err := json.Unmarshal(line, &document); err != nil {
				return fmt.Errorf("not a JSON string: %w", err)
			}
			if err := encoder.Encode(read(document)); err != nil {
				return err
			}
		} else if err := answers.Flush(); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return answers.Flush()
		}
	}
}

// read decodes one document. The decoder panics on some broken input; that counts as an error.
func read(document string) (answer reading) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = reading{Error: fmt.Sprint("panic: ", cause)}
		}
	}()
	value, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		return reading{Error: err.Error()}
	}
	return reading{JSON: value}
}
