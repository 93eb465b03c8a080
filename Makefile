# `make demo` and `make test` set up what they need; AIRFLOW=2.11 runs either on the oldest supported Airflow.
AIRFLOW ?= 3.3
PYTHON ?= python3
VENV := .venv-$(AIRFLOW)
BIN := $(VENV)/bin
export AIRFLOW
comma := ,

.PHONY: demo ui test test-slow compat docs matrix figures screenshots lineage benchmarks lint sandbox dist constraints clean

demo: $(VENV)/ready  ## Run the nightly DAG against the sandbox, through Airflow
	@$(BIN)/python scripts/demo.py

ui: $(VENV)/ready  ## Open Airflow with the gallery in it, filled by a run of the nightly DAG
	@$(BIN)/python scripts/ui.py

test: $(VENV)/ready  ## Run the tests that answer within minutes
	$(BIN)/python -m pytest -n 4 --dist loadfile -m "not slow"

test-slow: $(VENV)/ready  ## Run the others: kills of processes, outages, nights, the gallery in a browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

compat:  ## Check each supported Airflow, and write what works where into the docs; or LINES="3.0 lowest --quick"
	@$(PYTHON) scripts/compat.py $(LINES)

docs: $(VENV)/ready  ## Build the docs site into build/docs
	@AIRFLOW_HOME=$(CURDIR)/build/airflow $(BIN)/sphinx-build --quiet --nitpicky --fail-on-warning --fresh-env \
		--doctree-dir build/doctrees docs build/docs
	@echo "The docs: file://$(CURDIR)/build/docs/index.html"

matrix: $(VENV)/ready  ## Kill Airflow's processes at every point, on every executor, and write the counts into the docs
	$(BIN)/python -m pytest tests/system/test_matrix.py tests/system/test_outages.py tests/system/test_nights.py \
		tests/system/test_secrets.py --whole --table docs/delivery-guarantees.md

figures: $(VENV)/ready  ## Measure what the gallery's page costs, and write it into the docs
	$(BIN)/python -m pytest tests/browser -k weight --figures docs/gallery.md

screenshots: $(VENV)/ready  ## Take the pictures of Airflow that the docs show
	$(BIN)/python scripts/screenshots.py

lineage: $(VENV)/ready  ## Draw the lineage graph that the docs show, from a run's events
	$(BIN)/python scripts/lineage_picture.py

benchmarks: $(VENV)/ready  ## Measure what waiting and calling cost, beside the peers, and write it into the docs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints/airflow-$(AIRFLOW).txt --editable '.[benchmarks]'
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.defaults
	$(BIN)/python -m benchmarks.lost_submits
	$(BIN)/python -m benchmarks.nightly
	$(BIN)/python -m benchmarks.ends

lint: $(VENV)/ready  ## Check style, format, types, the pages' scripts, and which layer imports which
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints/airflow-$(AIRFLOW).txt --editable '.[lint]'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint --deny-warnings airflow_provider_pictory tests/javascript
	$(BIN)/mypy
	$(BIN)/lint-imports

sandbox: $(VENV)/ready  ## Serve both services' APIs on a local port
	$(BIN)/python -m airflow_provider_pictory.sandbox

dist: $(VENV)/ready  ## Build the sdist and the wheel
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

# What a user gets who installs a release of Airflow beside its constraints: the versions of the day of that release.
RELEASES := 2.11.2=2026-04-01 3.0.6=2025-09-15 3.1.8=2026-04-01 3.2.2=2026-06-01 3.3.2=2026-10-01 3.4.0b2=2026-11-06
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	--extra previews --extra sandbox --extra dev
# oxlint did not exist when the other releases were new. The tests of object storage and of lineage run on the newest
# release: what they need does not go together with all constraints. Airflow's FAB auth manager could not be imported beside
# SQLAlchemy 2.1 before this version of sqlalchemy-utils.
LATEST := --extra lint --extra storage-tests --extra lineage-tests --exclude-newer-package sqlalchemy-utils=2026-10-15

constraints: $(VENV)/ready  ## Pin what each Airflow release was installed with when it was new, and the lowest versions of all
	for release in $(RELEASES); do \
		version=$${release%=*}; \
		echo "apache-airflow==$$version" | $(COMPILE) --extra benchmarks --exclude-newer $${release#*=} \
			$$([ $$version != 3.3.2 ] || echo $(LATEST)) - setup.cfg \
			--output-file constraints/airflow-$${version%.*}.txt; \
	done
	$(COMPILE) --exclude-newer 2025-06-01 --resolution lowest-direct setup.cfg --output-file constraints/airflow-lowest.txt

clean:
	rm -rf .venv-* build demo dist *.egg-info

# uv takes a quarter of pip's time; pip knows an index that is set up for it alone.
$(VENV)/ready: EXTRAS := previews,sandbox,dev$(if $(filter 3.3,$(AIRFLOW)),$(comma)storage-tests$(comma)lineage-tests)
$(VENV)/ready: PINNED := --quiet --constraint constraints/airflow-$(AIRFLOW).txt
$(VENV)/ready: setup.cfg constraints/airflow-$(AIRFLOW).txt
	@echo "Setting up Airflow $(AIRFLOW) in $(VENV): about half a minute, once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install $(PINNED) --disable-pip-version-check uv
	@$(BIN)/uv pip install $(PINNED) --python $(BIN)/python --compile-bytecode --editable '.[$(EXTRAS)]' || \
		$(BIN)/python -m pip install $(PINNED) --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@
