# Perl SOAP::Lite: see README.md.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use SOAP::Lite;

my ($wsdl_url, $sender, $secret, $message_id, $org_code) = @ARGV;
my $namespace = 'urn:county-hub:exchange:v1';
my $password = $secret;

# LWP sends the password only after the hub has asked for it with 401.
sub SOAP::Transport::HTTP::Client::get_basic_credentials { return ($sender, $password) }

sub connect_hub {
    (my $address = $wsdl_url) =~ s/\?.*//;
    return SOAP::Lite->proxy($address)->default_ns($namespace)->on_action(sub { "$namespace:$_[1]" })
        ->on_fault(sub { return $_[1] });
}

sub fields {
    my @pairs = @_;
    my @fields;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        my $field = SOAP::Data->name($name);
        # Left to itself, SOAP::Lite sends Chinese text as Base64; the type must be named.
        push @fields, ref $value ? $field->value(\SOAP::Data->value(@$value)) : $field->type(string => $value);
    }
    return @fields;
}

my @case = (caseNo => $message_id, itemCode => '33032400AJ-XK-0001', orgCode => $org_code);
my @message = fields(
    messageId => $message_id,
    record => [fields(
        recordId => "$message_id-1", @case, stepSeq => 1, stepName => '受理', officerName => '喆㛃䶮𬭎',
        stepStatus => 'ACCEPTED', handledAt => '2026-03-02T10:00:00+08:00', opinion => '材料齐全 <甲> & "乙"',
        application => [fields(
            title => '样例食品店经营许可', appliedAt => '2026-03-02T09:30:00+08:00', applicantName => '喆㛃䶮𬭎商店',
            promisedLimit => 5, limitUnit => 'WORKING_DAY',
        )],
    )],
    record => [fields(
        recordId => "$message_id-2", @case, stepSeq => 2, stepName => '审查', officerName => '喆㛃䶮𬭎',
        stepStatus => 'RUNNING', startedAt => '2026-03-02T14:00:00+08:00',
    )],
);

my $hub = connect_hub();
print 'contract=', $hub->call('ping')->valueof('//contract'), "\n";
my $receipt = $hub->call('pushProcess', @message)->valueof('//receipt');
print "status=$receipt->{status}\naccepted=$receipt->{acceptedCount}\n";
my @states = $hub->call('queryReceipt', fields(receiptNo => $receipt->{receiptNo}))->valueof('//recordState');
print 'states=', scalar @states, "\n";
print 'again=', $hub->call('pushProcess', @message)->valueof('//status'), "\n";

my $fault = $hub->call('queryReceipt', fields(receiptNo => 'unknown'));
print 'fault=', $fault->faultstring, "\ncode=", $fault->faultdetail->{hubFault}{code}, "\n";

$password = 'wrong';
my $refusal = connect_hub()->call('ping');
print 'refused=', ref $refusal ? $refusal->faultstring : $refusal, "\n";
