"""The buyer's settings by idea: stakes, protections, the account; `buyer/config` puts them together."""
