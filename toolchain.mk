# consul, nomad, packer, Packer's DigitalOcean plugin and the CNI plugins, built from Go modules into the user's
# cache: for machines that cannot reach the official releases. A second run takes no time.
PYTHON ?= .venv/bin/python

.PHONY: toolchain
toolchain:
	$(PYTHON) -m bakery.toolchain build $(TOOLS)
