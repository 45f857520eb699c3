# consul, nomad, packer, Packer's DigitalOcean plugin and the CNI plugins, built from Go modules into the user's
# cache, for machines that cannot reach the official releases. A second run builds nothing.
TOOLS ?=

.PHONY: toolchain
toolchain: venv ## build consul, nomad, packer and plugins from source (TOOLS="consul nomad" for some)
	$(BIN)/python -m bakery.toolchain build $(TOOLS)
