# The charts' life in a few words. Every target is a script that can be run by itself.

.PHONY: help helm-lint helm-template helm-test helm-integration-test helm-docs

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST)

helm-lint: ## charts with every values file: helm lint, kubeconform, kubesec, helm-floe check
	scripts/lint

helm-template: ## renders charts with every values file into target/charts
	scripts/template

helm-test: ## the tests of the charts; no cluster needed
	cargo test --locked --test charts

helm-integration-test: ## install, test, upgrade, roll back and uninstall every chart on the cluster of KUBECONFIG
	scripts/lifecycle

helm-docs: ## brings the tables in the charts' READMEs up to date
	scripts/chart-readmes
