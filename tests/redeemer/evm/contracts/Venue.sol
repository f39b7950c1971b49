// SPDX-License-Identifier: MIT
// What stands around the real ConditionalTokens in the tests: tokens, adapters and wallets that behave as the venue's do
// (venue reference 7.2 to 7.5). Written for these tests; nothing of the venue's own source is in here.
pragma solidity 0.8.26;

interface IConditionalTokens {
    function splitPosition(address, bytes32, bytes32, uint256[] calldata, uint256) external;
    function mergePositions(address, bytes32, bytes32, uint256[] calldata, uint256) external;
    function redeemPositions(address, bytes32, bytes32, uint256[] calldata) external;
    function getCollectionId(bytes32, bytes32, uint256) external view returns (bytes32);
    function getPositionId(address, bytes32) external pure returns (uint256);
    function balanceOf(address, uint256) external view returns (uint256);
    function safeBatchTransferFrom(address, address, uint256[] calldata, uint256[] calldata, bytes calldata) external;
    function setApprovalForAll(address, bool) external;
}

contract Holder {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return 0xf23a6e61;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external pure returns (bytes4)
    {
        return 0xbc197c81;
    }

    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }
}

// USDC.e, pUSD and wrapped collateral: anybody mints, which is all that a test wants of money.
contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function burn(address from, uint256 value) external {
        balanceOf[from] -= value;
        emit Transfer(from, address(0), value);
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
        emit Transfer(from, to, value);
        return true;
    }
}

contract Positions is Holder {
    IConditionalTokens internal immutable tokens;
    address internal immutable collateral;

    constructor(IConditionalTokens tokens_, address collateral_) {
        tokens = tokens_;
        collateral = collateral_;
    }

    function _both() internal pure returns (uint256[] memory sets) {
        sets = new uint256[](2);
        (sets[0], sets[1]) = (1, 2);
    }

    function _ids(bytes32 conditionId) internal view returns (uint256[] memory ids) {
        ids = new uint256[](2);
        for (uint256 place = 0; place < 2; place++) {
            ids[place] = tokens.getPositionId(collateral, tokens.getCollectionId(0, conditionId, place + 1));
        }
    }

    function _balances(address owner, uint256[] memory ids) internal view returns (uint256[] memory held) {
        held = new uint256[](2);
        (held[0], held[1]) = (tokens.balanceOf(owner, ids[0]), tokens.balanceOf(owner, ids[1]));
    }

    function _take(address owner, bytes32 conditionId, uint256[] memory amounts) internal {
        tokens.safeBatchTransferFrom(owner, address(this), _ids(conditionId), amounts, "");
    }
}

// The legacy way of neg-risk markets: the positions are of wrapped collateral, the payout is USDC.e.
contract NegRiskAdapter is Positions {
    Token private immutable usdc;

    event PayoutRedemption(address indexed redeemer, bytes32 indexed conditionId, uint256[] amounts, uint256 payout);

    constructor(IConditionalTokens tokens_, address wrapped, Token usdc_) Positions(tokens_, wrapped) {
        usdc = usdc_;
    }

    function split(bytes32 conditionId, uint256 amount, address to) external {
        Token(collateral).mint(address(this), amount);
        Token(collateral).approve(address(tokens), amount);
        tokens.splitPosition(collateral, 0, conditionId, _both(), amount);
        uint256[] memory amounts = new uint256[](2);
        (amounts[0], amounts[1]) = (amount, amount);
        tokens.safeBatchTransferFrom(address(this), to, _ids(conditionId), amounts, "");
    }

    function redeemPositions(bytes32 conditionId, uint256[] calldata amounts) external {
        _take(msg.sender, conditionId, amounts);
        tokens.redeemPositions(collateral, 0, conditionId, _both());
        uint256 payout = _unwrap(msg.sender);
        emit PayoutRedemption(msg.sender, conditionId, amounts, payout);
    }

    function mergePositions(bytes32 conditionId, uint256 amount) external {
        uint256[] memory amounts = new uint256[](2);
        (amounts[0], amounts[1]) = (amount, amount);
        _take(msg.sender, conditionId, amounts);
        tokens.mergePositions(collateral, 0, conditionId, _both(), amount);
        _unwrap(msg.sender);
    }

    function _unwrap(address to) private returns (uint256 payout) {
        payout = Token(collateral).balanceOf(address(this));
        Token(collateral).burn(address(this), payout);
        usdc.mint(to, payout);
    }
}

// The current way: takes the caller's whole balances of both outcomes, pays pUSD; only the condition is read.
contract CtfCollateralAdapter is Positions {
    Token internal immutable usdc;
    Token internal immutable pusd;

    constructor(IConditionalTokens tokens_, address collateral_, Token usdc_, Token pusd_)
        Positions(tokens_, collateral_)
    {
        (usdc, pusd) = (usdc_, pusd_);
    }

    function redeemPositions(address, bytes32, bytes32 conditionId, uint256[] calldata) external {
        uint256[] memory held = _balances(msg.sender, _ids(conditionId));
        _take(msg.sender, conditionId, held);
        _redeem(conditionId, held);
        _wrap(msg.sender);
    }

    function mergePositions(address, bytes32, bytes32 conditionId, uint256[] calldata, uint256 amount) external {
        uint256[] memory amounts = new uint256[](2);
        (amounts[0], amounts[1]) = (amount, amount);
        _take(msg.sender, conditionId, amounts);
        _merge(conditionId, amount);
        _wrap(msg.sender);
    }

    // The venue's automatic redeemer: an approved operator that redeems for whoever approved it.
    function redeemFor(address owner, bytes32 conditionId) external {
        uint256[] memory held = _balances(owner, _ids(conditionId));
        _take(owner, conditionId, held);
        _redeem(conditionId, held);
        _wrap(owner);
    }

    function _redeem(bytes32 conditionId, uint256[] memory) internal virtual {
        tokens.redeemPositions(collateral, 0, conditionId, _both());
    }

    function _merge(bytes32 conditionId, uint256 amount) internal virtual {
        tokens.mergePositions(collateral, 0, conditionId, _both(), amount);
    }

    function _wrap(address to) internal virtual {
        uint256 payout = usdc.balanceOf(address(this));
        usdc.burn(address(this), payout);
        pusd.mint(to, payout);
    }
}

contract NegRiskCtfCollateralAdapter is CtfCollateralAdapter {
    NegRiskAdapter private immutable adapter;

    constructor(IConditionalTokens tokens_, address wrapped, Token usdc_, Token pusd_, NegRiskAdapter adapter_)
        CtfCollateralAdapter(tokens_, wrapped, usdc_, pusd_)
    {
        adapter = adapter_;
        tokens_.setApprovalForAll(address(adapter_), true);
    }

    function _redeem(bytes32 conditionId, uint256[] memory held) internal override {
        adapter.redeemPositions(conditionId, held);
    }

    function _merge(bytes32 conditionId, uint256 amount) internal override {
        adapter.mergePositions(conditionId, amount);
    }
}

// An adapter that succeeds, takes everything and pays only some percent of it: pitfall 27.
contract ShortAdapter is CtfCollateralAdapter {
    uint256 private immutable percent;

    constructor(IConditionalTokens tokens_, address collateral_, Token usdc_, Token pusd_, uint256 percent_)
        CtfCollateralAdapter(tokens_, collateral_, usdc_, pusd_)
    {
        percent = percent_;
    }

    function _wrap(address to) internal override {
        uint256 payout = usdc.balanceOf(address(this));
        usdc.burn(address(this), payout);
        if (percent > 0) pusd.mint(to, payout * percent / 100);
    }
}

// A proxy or deposit wallet: its relayer alone carries out what its owner signed.
contract RelayedWallet is Holder {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    address private immutable relayer;

    constructor(address relayer_) {
        relayer = relayer_;
    }

    // py-evm asks even a simulated sender to afford its gas.
    receive() external payable {}

    function execute(Call[] calldata calls) external {
        require(msg.sender == relayer, "only the relayer");
        for (uint256 place = 0; place < calls.length; place++) {
            (bool done, bytes memory answer) = calls[place].target.call{value: calls[place].value}(calls[place].data);
            if (!done) {
                assembly {
                    revert(add(answer, 32), mload(answer))
                }
            }
        }
    }
}

// Protocol V2 (venue reference 7.3, 7.4 d): positions are a condition and an outcome; nothing is paid before the report.
contract PositionManager {
    mapping(address => mapping(uint256 => uint256)) public balanceOf;
    mapping(address => mapping(address => bool)) public isApprovedForAll;
    mapping(bytes31 => uint256[2]) private payouts;

    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);

    function mint(address to, uint256 id, uint256 value) external {
        balanceOf[to][id] += value;
        emit TransferSingle(msg.sender, address(0), to, id, value);
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
    }

    function report(bytes31 conditionId, uint256 yes, uint256 no) external {
        payouts[conditionId] = [yes, no];
    }

    function getPayout(uint256 id, uint256 amount) public view returns (uint256) {
        uint256[2] storage parts = payouts[bytes31(bytes32(id))];
        require(parts[0] + parts[1] > 0, "not resolved");
        return amount * parts[id & 255] / (parts[0] + parts[1]);
    }

    function burn(address from, uint256 id, uint256 value) external {
        require(isApprovedForAll[from][msg.sender], "not approved");
        balanceOf[from][id] -= value;
        emit TransferSingle(msg.sender, from, address(0), id, value);
    }
}

// Pays some percent of what the PositionManager says: all, but in the test of pitfall 27.
contract Router {
    PositionManager private immutable manager;
    Token private immutable pusd;
    uint256 private immutable percent;

    constructor(PositionManager manager_, Token pusd_, uint256 percent_) {
        (manager, pusd, percent) = (manager_, pusd_, percent_);
    }

    function redeem(bytes31 conditionId, uint256 outcomeIndex, uint256 amount) external {
        uint256 id = uint256(bytes32(conditionId)) | outcomeIndex;
        uint256 payout = manager.getPayout(id, amount) * percent / 100;
        manager.burn(msg.sender, id, amount);
        if (payout > 0) pusd.mint(msg.sender, payout);
    }
}
