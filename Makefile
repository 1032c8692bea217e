# 县级政务数据交换枢纽与电子监察平台
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := hub adapters ingest supervision

.DEFAULT_GOAL := help
.PHONY: help run test check bench services faults

help: ## 列出目标
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/'

run: $(VENV)/base.stamp ## 启动演示县：http://127.0.0.1:8080（SQLite，不需要其他服务）
	$(BIN)/hub demo

test: $(VENV)/dev.stamp services ## 安装测试所需，运行全部测试
	sh tools/install_test_tools.sh
	mkdir -p var
	$(BIN)/python -m pytest -n 2 --junit-xml=var/junit.xml $(PYTEST_ARGS)

check: $(VENV)/dev.stamp ## 代码风格、类型、依赖层次、模板与已发布文件的一致性
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.check_templates
	$(BIN)/python -m tools.write_contract --check
	$(BIN)/python -m tools.write_openapi --check
	$(BIN)/python -m tools.seed_calendar --check

bench: $(VENV)/dev.stamp services ## 吞吐测量（约两分钟）：每个数字旁边是同一次运行中的下限；其余见 docs/figures.md
	$(BIN)/python -m bench.ingest

faults: $(VENV)/dev.stamp ## 故障检验：杀进程、停服务、断电、分区；私有的 PostgreSQL 与 RabbitMQ，最长约 45 分钟
	$(BIN)/python -m tests.faults $(FAULTS_ARGS)

services: ## 测试用的 PostgreSQL 与 RabbitMQ：已有则用，没有则装，装不了则说明
	sh tools/services.sh

$(VENV)/base.stamp: requirements/base.lock setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --config-settings editable_mode=compat -e .
	touch $@

$(VENV)/dev.stamp: requirements/dev.lock setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --config-settings editable_mode=compat -e .
	touch $@
