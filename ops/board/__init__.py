"""What every face shows an operator, as a value: state, money, positions, limits, alarms. Everything in it is pure."""
