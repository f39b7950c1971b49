// SPDX-License-Identifier: MIT
// What stands around the venue's own exchanges in the tests: money, the positions of protocol V2, and a deposit wallet.
// Written for these tests; nothing of the venue's source is in here.
pragma solidity 0.8.34;

import {ERC1271} from "solady/src/accounts/ERC1271.sol";

// USDC.e, and pUSD where the exchange is V3: anybody mints.
contract Cash {
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        return true;
    }
}

// The PositionManager that ExchangeV3 speaks to, and its one module (of combinations as well): a pair of outcomes of each condition, for one unit
// of collateral that stays here.
contract Positions {
    address public immutable COLLATERAL_TOKEN;
    mapping(address => mapping(uint256 => uint256)) public balanceOf;
    mapping(address => mapping(address => bool)) public isApprovedForAll;

    constructor(address collateral) {
        COLLATERAL_TOKEN = collateral;
    }

    function moduleById(uint256) external view returns (address) {
        return address(this);
    }

    function mint(address to, uint256 id, uint256 amount) external {
        balanceOf[to][id] += amount;
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
    }

    function unsafeTransferFrom(address from, address to, uint256 id, uint256 amount) external {
        require(msg.sender == from || isApprovedForAll[from][msg.sender], "not approved");
        balanceOf[from][id] -= amount;
        balanceOf[to][id] += amount;
    }

    // A combination's legs: here the market itself.
    function prepareCondition(uint256[] calldata legs) external pure returns (bytes31) {
        return bytes31(bytes32(legs[0]));
    }

    function split(address[] calldata to, bytes31 condition, uint256 amount) external {
        uint256 id = uint256(bytes32(condition));
        balanceOf[to[0]][id] += amount;
        balanceOf[to[1]][id + 1] += amount;
    }

    function merge(address to, bytes31 condition, uint256 amount) external {
        uint256 id = uint256(bytes32(condition));
        balanceOf[address(this)][id] -= amount;
        balanceOf[address(this)][id + 1] -= amount;
        Cash(COLLATERAL_TOKEN).transfer(to, amount);
    }
}

// A deposit wallet as far as signatures go: ERC-7739 by a library that many wallets share.
contract DepositWallet is ERC1271 {
    address private immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("DepositWallet", "1");
    }

    function _erc1271Signer() internal view override returns (address) {
        return owner;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return 0xf23a6e61;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external pure returns (bytes4)
    {
        return 0xbc197c81;
    }
}
