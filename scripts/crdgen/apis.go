// Package crdgen names the Go types whose custom resource definitions scripts/crds generates.
package crdgen

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
