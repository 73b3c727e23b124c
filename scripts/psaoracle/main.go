// psaoracle asks Kubernetes' own Pod Security evaluator, so that tests can compare its verdicts with
// those of our policies.
//
//	psaoracle LEVEL:VERSION...
//
// It reads pod templates on standard input, one JSON object a line, and answers each with a line.
// {"checks": [[ID...], ...]} has, for every LEVEL:VERSION, the checks that refuse the pod;
// {"error": "..."} says that Kubernetes cannot even decode it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
)

type answer struct {
	Checks [][]string `json:"checks,omitempty"`
	Error  string     `json:"error,omitempty"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := judge(os.Args[1:], os.Stdin, out)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "psaoracle:", err)
		os.Exit(2)
	}
}

// judge answers every line of in. It flushes after each, so that a test can ask and wait.
func judge(args []string, in io.Reader, out *bufio.Writer) error {
	whole, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	evaluators := make([]map[string]policy.Evaluator, len(args))
	levels := make([]api.LevelVersion, len(args))
	for i, arg := range args {
		lv, err := parse(arg)
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		levels[i] = lv
		if evaluators[i], err = single(lv); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		text, err := json.Marshal(ask(lines.Bytes(), levels, evaluators, whole))
		if err != nil {
			return err
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func parse(arg string) (api.LevelVersion, error) {
	name, number, _ := strings.Cut(arg, ":")
	level, err := api.ParseLevel(name)
	if err != nil {
		return api.LevelVersion{}, err
	}
	version, err := api.ParseVersion(number)
	return api.LevelVersion{Level: level, Version: version}, err
}

// single gives an evaluator for every check that applies at lv. The evaluator's results carry no
// IDs, and with one check each they need none. Which checks apply follows its registry: the newest
// version of each that is not newer than lv, without those a restricted check overrides.
func single(lv api.LevelVersion) (map[string]policy.Evaluator, error) {
	applies := map[string]policy.VersionedCheck{}
	overridden := map[string]bool{}
	for _, check := range policy.DefaultChecks() {
		if check.Level == api.LevelRestricted && lv.Level != api.LevelRestricted {
			continue
		}
		for _, version := range check.Versions {
			if !lv.Version.Older(version.MinimumVersion) {
				applies[string(check.ID)] = version
			}
		}
		for _, id := range applies[string(check.ID)].OverrideCheckIDs {
			overridden[string(id)] = true
		}
	}
	evaluators := map[string]policy.Evaluator{}
	for id, version := range applies {
		if overridden[id] {
			continue
		}
		only := policy.Check{
			ID:       policy.CheckID(id),
			Level:    api.LevelBaseline,
			Versions: []policy.VersionedCheck{{MinimumVersion: api.MajorMinorVersion(1, 0), CheckPod: version.CheckPod}},
		}
		evaluator, err := policy.NewEvaluator([]policy.Check{only}, nil)
		if err != nil {
			return nil, err
		}
		evaluators[id] = evaluator
	}
	return evaluators, nil
}

// ask judges one pod at every level. The whole evaluator is asked as well: it must refuse the pod for
// as many reasons as the single checks do.
func ask(line []byte, levels []api.LevelVersion, evaluators []map[string]policy.Evaluator, whole policy.Evaluator) answer {
	pod, err := decode(line)
	if err != nil {
		return answer{Error: err.Error()}
	}
	all := make([][]string, len(levels))
	for i := range levels {
		refused := []string{}
		for id, evaluator := range evaluators[i] {
			if refusals(evaluator, levels[i], pod) > 0 {
				refused = append(refused, id)
			}
		}
		if want := refusals(whole, levels[i], pod); want != len(refused) {
			panic(fmt.Sprintf("%v: the evaluator has %d reasons, its checks %v", levels[i], want, refused))
		}
		slices.Sort(refused)
		all[i] = refused
	}
	return answer{Checks: all}
}

func refusals(evaluator policy.Evaluator, level api.LevelVersion, pod *corev1.PodTemplateSpec) int {
	count := 0
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			count++
		}
	}
	return count
}

// decode reads a pod template as the API server reads what a Helm client sends: as any JSON first,
// then into the type, case-sensitively. A volume without a source becomes an emptyDir, the one
// default of the API server that changes a verdict.
func decode(line []byte) (*corev1.PodTemplateSpec, error) {
	var value any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(line, &value); err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	pod := &corev1.PodTemplateSpec{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, pod); err != nil {
		return nil, err
	}
	for i := range pod.Spec.Volumes {
		volume := &pod.Spec.Volumes[i]
		if volume.VolumeSource == (corev1.VolumeSource{}) {
			volume.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	return pod, nil
}
