<?php
// PHP SoapClient: see README.md.
[, $wsdlUrl, $sender, $secret, $messageId, $orgCode] = $argv;

function connect(string $wsdlUrl, string $sender, string $secret): SoapClient
{
    return new SoapClient($wsdlUrl, ['login' => $sender, 'password' => $secret, 'cache_wsdl' => WSDL_CACHE_NONE]);
}

$case = ['caseNo' => $messageId, 'itemCode' => '33032400AJ-XK-0001', 'orgCode' => $orgCode];
$message = [
    'messageId' => $messageId,
    'record' => [
        ['recordId' => "$messageId-1"] + $case + [
            'stepSeq' => 1, 'stepName' => '受理', 'officerName' => '喆㛃䶮𬭎', 'stepStatus' => 'ACCEPTED',
            'handledAt' => '2026-03-02T10:00:00+08:00', 'opinion' => '材料齐全 <甲> & "乙"',
            'application' => [
                'title' => '样例食品店经营许可', 'appliedAt' => '2026-03-02T09:30:00+08:00',
                'applicantName' => '喆㛃䶮𬭎商店', 'promisedLimit' => 5, 'limitUnit' => 'WORKING_DAY',
            ],
        ],
        ['recordId' => "$messageId-2"] + $case + [
            'stepSeq' => 2, 'stepName' => '审查', 'officerName' => '喆㛃䶮𬭎', 'stepStatus' => 'RUNNING',
            'startedAt' => '2026-03-02T14:00:00+08:00',
        ],
    ],
];

$hub = connect($wsdlUrl, $sender, $secret);
echo 'contract=', $hub->ping()->contract, "\n";
$receipt = $hub->pushProcess($message)->receipt;
echo "status=$receipt->status\naccepted=$receipt->acceptedCount\n";
echo 'states=', count($hub->queryReceipt(['receiptNo' => $receipt->receiptNo])->receipt->recordState), "\n";
echo 'again=', $hub->pushProcess($message)->receipt->status, "\n";
try {
    connect($wsdlUrl, $sender, 'wrong')->ping();
} catch (SoapFault $refusal) {
    echo 'refused=', $refusal->getMessage(), "\n";
}
try {
    $hub->queryReceipt(['receiptNo' => 'unknown']);
} catch (SoapFault $fault) {
    echo 'fault=', $fault->getMessage(), "\ncode=", $fault->detail->hubFault->code, "\n";
}
